"""The `simulation` section: what it names, and whether its faults fit the instruments and the bench."""

from __future__ import annotations

from collections.abc import Mapping

from labrig.assembly.board import Board
from labrig.assembly.sections.header import Header
from labrig.assembly.sections.instruments import Device, faulty
from labrig.config.document import Document
from labrig.config.messages import did_you_mean
from labrig.config.problems import TreePath
from labrig.config.validation import validate
from labrig.config.wiring import in_words
from labrig.extensions import UnknownExtension
from labrig.quantities import as_written
from labrig.rig.hookup import Hookup
from labrig.simulation.faults import FAULT_KINDS, PARAMETERS, Fault, FaultKind
from labrig.simulation.section import (
    IMPERFECTIONS,
    FaultEntry,
    Imperfection,
    Simulation,
    SimulationChoice,
    simulation_model,
)


def read_simulation(document: Document) -> SimulationChoice | None:
    """The section with the keys of the imperfections it names; None if it has problems."""
    written = document.get(("simulation",))
    keys = list(written.value) if written is not None and isinstance(written.value, dict) else []
    strays = [key for key in keys if key not in (*Simulation.model_fields, *IMPERFECTIONS.own)]
    brought: dict[str, type[Imperfection]] = {}
    for key in strays:
        if ":" not in key and key not in IMPERFECTIONS.names():
            continue  # validation says so
        try:
            brought[key] = IMPERFECTIONS.find(key)
        except UnknownExtension as error:
            document.report(("simulation", key), str(error), at_key=True)
    model, fields = simulation_model(brought)
    section = validate(document, ("simulation",), model)
    return None if section is None else SimulationChoice(section, fields)


def read_faults(
    document: Document,
    simulation: SimulationChoice,
    header: Header,
    devices: Mapping[str, Device],
    board: Board | None = None,
) -> tuple[Fault, ...]:
    """The injected faults of a configuration; one that cannot be made is a problem, and left out.

    Without a board, whether a channel is wired is not checked.
    """
    hookup, unusable = board.hookup if board else None, faulty(document, devices)
    read = (
        _Entry(document, number, entry, header.bench, devices, unusable, hookup).read()
        for number, entry in enumerate(simulation.section.faults)
    )
    return tuple(fault for fault in read if fault is not None)


class _Entry:
    """One entry on its way to a Fault."""

    def __init__(
        self,
        document: Document,
        number: int,
        entry: FaultEntry,
        bench: str,
        devices: Mapping[str, Device],
        faulty: frozenset[str],
        hookup: Hookup | None,
    ) -> None:
        self._document = document
        self._path: TreePath = ("simulation", "faults", number)
        self._entry = entry
        self._bench = bench
        self._devices = devices
        self._faulty = faulty
        self._hookup = hookup
        self._sound = True

    def read(self) -> Fault | None:
        entry = self._entry
        kind = FAULT_KINDS.get(entry.what)
        device, _, channel = entry.where.partition("/")
        if kind is None:
            hint = did_you_mean(entry.what, list(FAULT_KINDS)) or f"; there are {', '.join(FAULT_KINDS)}"
            self._refuse("what", f"there is no fault {as_written(entry.what)}{hint}")
        if device not in self._devices and device not in self._faulty:
            names = ", ".join([*self._devices, *sorted(self._faulty)])
            self._refuse("where", f"{as_written(device)} is no instrument of this file; there are {names}")
        if kind is None:
            return None
        self._check_keys(kind)
        if device in self._devices:
            self._check_place(kind, self._devices[device], channel)
        if not self._sound or device not in self._devices:
            return None
        duration = entry.for_ if isinstance(entry.for_, float) else None
        count = entry.for_ if isinstance(entry.for_, int) else None
        return Fault(kind, device, channel or None, entry.acquisition, entry.time, duration, count, entry.by or 0.0)

    def _check_keys(self, kind: FaultKind) -> None:
        """The keys it takes and needs."""
        for name in PARAMETERS:
            given, wanted = getattr(self._entry, name) is not None, name in kind.parameters
            if given and not wanted:
                self._refuse(name, f"{kind.what} takes no {as_written(name)}; remove it", at_key=True)
            if wanted and not given:
                self._refuse("what", f"{kind.what} needs {as_written(name)} beside it, e.g. '{name}: 10 ms'")
        if self._entry.for_ is None:
            return
        if kind.momentary:
            self._refuse("for", f"{kind.what} happens at once and takes no 'for'; remove it", at_key=True)
        elif isinstance(self._entry.for_, int) and kind.counts is None:
            self._refuse("for", f"{kind.what} takes a duration such as '100 ms', got {self._entry.for_}")

    def _check_place(self, kind: FaultKind, device: Device, channel: str) -> None:
        """Whether this instrument can have it, on this bench."""
        what, name = kind.what, device.name
        if device.driver.kind not in kind.kinds:
            able = " or ".join(kind.kinds)
            self._refuse("where", f"{what} strikes a {able}, and {name} is a {device.driver.kind}")
            return
        channels = device.capabilities.channels
        if kind.on_channel and not channel:
            self._refuse("where", f"{what} strikes one channel; write e.g. '{name}/{channels[0]}'")
        elif channel and not kind.on_channel:
            self._refuse("where", f"{what} strikes the whole instrument; write {as_written(name)}")
        elif channel and channel not in channels:
            self._refuse("where", f"{name} has no channel {as_written(channel)}; it has {in_words(channels)}")
        elif channel and self._hookup and not self._is_wired(device, channel, self._hookup):
            wired = in_words([wire.channel for wire in self._hookup.senses])
            where = f"wired are {wired} of {self._hookup.digitizer}"
            self._refuse("where", f"{as_written(f'{name}/{channel}')} senses nothing, so {what} does nothing; {where}")
        if self._bench == "hardware":
            self._refuse("what", "'bench: hardware' makes no faults; remove it, or write 'bench: wire'")
        elif self._bench == "simulated" and device.driver.kind not in kind.simulated:
            self._refuse("what", f"the simulated bench cannot make {what} at {name}; write 'bench: wire'")
        elif self._bench == "wire" and device.driver.virtual and what not in device.driver.virtual.faults:
            self._refuse("what", f"the virtual {device.driver.name} has no {what}")

    @staticmethod
    def _is_wired(device: Device, channel: str, hookup: Hookup) -> bool:
        return device.name == hookup.digitizer and channel in {wire.channel for wire in hookup.senses}

    def _refuse(self, key: str, message: str, *, at_key: bool = False) -> None:
        self._sound = False
        self._document.report((*self._path, key), message, at_key=at_key)
