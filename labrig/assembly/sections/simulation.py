"""The `simulation` section: the imperfections and faults it names, and whether these suit the instruments and bench."""

from __future__ import annotations

from collections.abc import Mapping

from labrig.assembly.board import Board
from labrig.assembly.sections.header import Header
from labrig.assembly.sections.instruments import Device, faulty
from labrig.config.document import Document
from labrig.config.problems import TreePath
from labrig.config.section import part
from labrig.config.validation import validate
from labrig.config.wiring import in_words
from labrig.extensions import UnknownExtension
from labrig.quantities import as_written
from labrig.rig.hookup import Hookup
from labrig.simulation.section import (
    FAULTS,
    IMPERFECTIONS,
    NOT_ON_CELLS,
    SIMULATED_PLACES,
    Fault,
    FaultEntry,
    Imperfection,
    ScheduledFault,
    Simulation,
    SimulationChoice,
    simulation_model,
)


def read_simulation(document: Document) -> SimulationChoice | None:
    """Validate the section with the keys of the imperfections and faults that it names; return None if it has problems.

    Unknown names of faults are reported by `read_faults`.
    """
    written = document.get(("simulation",))
    keys = list(written.value) if written is not None and isinstance(written.value, dict) else []
    strays = [key for key in keys if key not in (*Simulation.model_fields, *IMPERFECTIONS.own)]
    brought: dict[str, type[Imperfection]] = {}
    for key in strays:
        if ":" not in key and key not in IMPERFECTIONS.names():
            continue  # reported by validation
        try:
            brought[key] = IMPERFECTIONS.find(key)
        except UnknownExtension as error:
            document.report(("simulation", key), str(error), at_key=True)
    kinds = _fault_kinds(document)
    try:
        model, fields = simulation_model(brought, kinds)
    except ValueError as error:
        document.report(("simulation", "faults"), str(error), at_key=True)
        return None
    section = validate(document, ("simulation",), model)
    return None if section is None else SimulationChoice(section, fields)


def _fault_kinds(document: Document) -> list[type[Fault] | None]:
    """Return the class that each entry of `faults` names; None for an unknown name."""
    written = document.get(("simulation", "faults"))
    entries = written.value if written is not None and isinstance(written.value, list) else []
    kinds: list[type[Fault] | None] = []
    for number in range(len(entries)):
        what = document.get(("simulation", "faults", number, "what"))
        try:
            kinds.append(FAULTS.find(what.value) if what is not None and isinstance(what.value, str) else None)
        except UnknownExtension:
            kinds.append(None)
    return kinds


def read_faults(
    document: Document,
    simulation: SimulationChoice,
    header: Header,
    devices: Mapping[str, Device],
    board: Board | None = None,
) -> tuple[ScheduledFault, ...]:
    """Return the faults of a configuration; report and leave out those that the bench cannot simulate.

    Whether a channel is wired is checked only if `board` is given.
    """
    hookup, unusable = board.hookup if board else None, faulty(document, devices)
    read = (
        _Entry(document, number, entry, header.bench, devices, unusable, hookup).read()
        for number, entry in enumerate(simulation.section.faults)
    )
    return tuple(fault for fault in read if fault is not None)


class _Entry:
    """Checks one entry of `faults`, and converts it to a ScheduledFault."""

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

    def read(self) -> ScheduledFault | None:
        entry, kind = self._entry, self._found()
        device, _, channel = entry.where.partition("/")
        if device not in self._devices and device not in self._faulty:
            names = ", ".join([*self._devices, *sorted(self._faulty)])
            self._refuse("where", f"{as_written(device)} is not an instrument of this file, which has {names}")
        if kind is None:
            return None
        self._check_duration(kind)
        if device in self._devices:
            self._check_place(kind, self._devices[device], channel)
        if not self._sound or device not in self._devices:
            return None
        return ScheduledFault(
            kind(part(entry, kind.Options)),
            device,
            channel or None,
            entry.acquisition,
            entry.time,
            for_s=entry.for_ if isinstance(entry.for_, float) else None,
            count=entry.for_ if isinstance(entry.for_, int) else None,
        )

    def _found(self) -> type[Fault] | None:
        """Return the class that the entry names; None if there is none."""
        try:
            return FAULTS.find(self._entry.what)
        except UnknownExtension as error:
            self._refuse("what", str(error))
            return None

    def _check_duration(self, kind: type[Fault]) -> None:
        """Report a `for` if the fault takes none, or if it is a number but must be a time."""
        what, duration = self._entry.what, self._entry.for_
        if duration is not None and kind.momentary:
            self._refuse("for", f"{what} happens at once and takes no 'for'; remove it", at_key=True)
        elif isinstance(duration, int) and kind.counts is None:
            self._refuse("for", f"{what} takes a duration such as '100 ms', got {duration}")

    def _check_place(self, kind: type[Fault], device: Device, channel: str) -> None:
        """Check that this instrument can have the fault on this bench."""
        what, name = self._entry.what, device.name
        if device.driver.kind not in kind.kinds:
            able = " or ".join(kind.kinds)
            self._refuse("where", f"{what} acts on a {able}, but {name} is a {device.driver.kind}")
            return
        channels = device.capabilities.channels
        if kind.on_channel and not channel:
            self._refuse("where", f"{what} acts on one channel; write e.g. '{name}/{channels[0]}'")
        elif channel and not kind.on_channel:
            self._refuse("where", f"{what} acts on the whole instrument; write {as_written(name)}")
        elif channel and channel not in channels:
            self._refuse("where", f"{name} has no channel {as_written(channel)}; it has {in_words(channels)}")
        elif channel and self._hookup and not self._is_wired(device, channel, self._hookup):
            senses = device.driver.kind == "digitizer"
            edges = [wire.channel for wire in self._hookup.edges if wire.device == name]
            wired = in_words([wire.channel for wire in self._hookup.senses] if senses else edges)
            where = f"the wired channels of {self._hookup.digitizer if senses else name} are {wired}"
            no = "senses nothing" if senses else "programs nothing"
            self._refuse("where", f"{as_written(f'{name}/{channel}')} {no}, so {what} does nothing; {where}")
        if self._bench == "hardware":
            self._refuse("what", "'bench: hardware' cannot simulate faults; remove the fault, or write 'bench: wire'")
        elif self._bench == "simulated" and kind.place not in SIMULATED_PLACES[device.driver.kind]:
            self._refuse("what", f"the simulated bench cannot produce {what} at {name}; write 'bench: wire'")
        elif self._bench == "simulated" and device.writes_by_pulses and kind.place in NOT_ON_CELLS:
            self._refuse("what", f"{what} does not act on the simulated memristors of {name}; remove the fault")
        elif self._bench == "wire" and device.driver.virtual and kind.place not in device.driver.virtual.faults:
            self._refuse("what", f"the virtual {device.driver.name} cannot simulate {what}; remove the fault")

    @staticmethod
    def _is_wired(device: Device, channel: str, hookup: Hookup) -> bool:
        if any((wire.device, wire.channel) == (device.name, channel) for wire in hookup.edges):
            return True
        return device.name == hookup.digitizer and channel in {wire.channel for wire in hookup.senses}

    def _refuse(self, key: str, message: str, *, at_key: bool = False) -> None:
        self._sound = False
        self._document.report((*self._path, key), message, at_key=at_key)
