"""The rig under test: one configuration, one bench, and a fresh instrument for every check."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from labrig.assembly import Assembly
from labrig.assembly.assembly import BENCHES
from labrig.assembly.sections.instruments import Device
from labrig.instruments.contracts import Bench
from labrig.instruments.data import AcquisitionPlan, Block
from labrig.instruments.drivers import ProgrammerCapabilities, SourceCapabilities
from labrig.instruments.guard import GuardedProgrammer, GuardedSource
from labrig.rig.hookup import SourceWire
from labrig.signals.tones import SILENT, ToneProgram
from labrig.testing.calls import Bounded, NotApplicable

MARGIN_S = 5.0
"""Longest time that a call may take beyond its own timeout (s)."""

DRIVE_V = 0.5
"""Drive of the checks (V), reduced if the rig's limits, full scales or supplies require it."""


class Station:
    """The configuration under test and its bench, which is built for the first instrument."""

    def __init__(self, assembly: Assembly, margin_s: float = MARGIN_S) -> None:
        self.assembly = assembly
        self.margin_s = margin_s

    @cached_property
    def bench(self) -> Bench:
        """The bench of the configuration."""
        return import_module(BENCHES[self.assembly.header.bench]).build(self.assembly)

    def subjects(self, kind: str) -> list[Subject]:
        """Return the wired instruments of a kind ("source", "digitizer" or "programmer")."""
        hookup = self.assembly.board.hookup
        names = {"source": hookup.sources, "digitizer": (hookup.digitizer,), "programmer": hookup.programmers}[kind]
        return [Subject(self, name) for name in names]

    def connect(self, name: str) -> Any:
        """Return an unopened instrument with its guard and bounded calls."""
        device = self.assembly.devices[name]
        # The options are those of a run, including the output terminal of the start trigger.
        return self.checked(name, self.bench.connect(name, device.driver, self.assembly.routed(name)))

    def checked(self, name: str, instrument: Any) -> Bounded:
        """Wrap an instrument in its guard and bound its calls."""
        able = self.assembly.devices[name].capabilities
        if isinstance(able, SourceCapabilities):
            instrument = GuardedSource(name, instrument, able)
        elif isinstance(able, ProgrammerCapabilities):
            instrument = GuardedProgrammer(name, instrument, able)
        return Bounded(name, instrument, self.margin_s)

    @property
    def drive_v(self) -> float:
        """Voltage with which the checks may drive any node (V).

        Current sources are limited to the configured error current, as the effect of a larger one is unknown.
        """
        hookup = self.assembly.board.hookup
        rails = [abs(end) for wire in hookup.senses for end in (wire.low_v, wire.high_v)]
        full_scales = [wire.full_scale_v for wire in (*hookup.inputs, *hookup.outputs, hookup.pilot)]
        ranges = self.assembly.acquisition_timing.plan.ranges_v
        current_a = self.assembly.learning.error.largest
        errors = [current_a * wire.volts_per_ampere for wire in hookup.outputs if wire.howland]
        return min(DRIVE_V, *errors, 0.5 * min(*rails, *full_scales, *ranges, self.assembly.limits.node_v))

    def close(self) -> None:
        """Close the bench if it was built."""
        if "bench" in self.__dict__:
            self.bench.close()


@dataclass(frozen=True)
class Subject:
    """One instrument under test."""

    station: Station
    name: str

    @property
    def device(self) -> Device:
        """The entry of the instrument in the configuration."""
        return self.station.assembly.devices[self.name]

    @property
    def channels(self) -> tuple[str, ...]:
        """The wired channels. Checks use no others, which may be connected to anything in the laboratory."""
        hookup = self.station.assembly.board.hookup
        if self.name == hookup.digitizer:
            return tuple(wire.channel for wire in hookup.senses)
        wires = (*hookup.inputs, *hookup.outputs, hookup.pilot, *hookup.edges)
        return tuple(wire.channel for wire in wires if wire.device == self.name)

    @property
    def plan(self) -> AcquisitionPlan:
        """The acquisition of the configuration."""
        return self.station.assembly.acquisition_timing.plan

    def connect(self) -> Any:
        """Return the instrument, unopened."""
        return self.station.connect(self.name)

    def absent(self) -> Any:
        """Return an instrument of the same driver at an address where there is none."""
        if self.station.assembly.header.bench == "simulated" or self.device.driver.factory is None:
            raise NotApplicable("a simulated instrument cannot be absent")
        if "resource" not in type(self.device.options).model_fields:
            raise NotApplicable("the driver has no `resource` option, so an absent instrument cannot be tested")
        options = self.device.options.model_copy(update={"resource": "labrig-absent"})
        return self.station.checked(self.name, self.device.driver.factory(self.name, options))

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """Context in which the instrument is open; it is made safe and closed afterwards."""
        instrument = self.connect()
        with _safe_afterwards(instrument):
            instrument.open()
            yield instrument


class Chain:
    """Sources and digitizer of a rig, open and configured, without a rig: play programs, read volts.

        with Chain(station) as chain:
            volts = chain.acquire(programs)

    Parameters
    ----------
    station
        The rig under test.
    plan
        The acquisition to configure; by default that of the configuration. The attribute `plan` is the actual plan.
    programmed
        Whether to open the programmers too; without them the edges may be open.
    in_main_thread
        See `Bounded`.
    """

    def __init__(
        self,
        station: Station,
        plan: AcquisitionPlan | None = None,
        *,
        programmed: bool = False,
        in_main_thread: bool = False,
    ) -> None:
        self.station = station
        self.hookup = station.assembly.board.hookup
        self.plan = plan or station.assembly.acquisition_timing.plan
        self.sources: dict[str, Any] = {}
        self.digitizer: Any = None
        self.programmers: dict[str, Any] = {}
        self._programmed = programmed
        self._in_main_thread = in_main_thread
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for name in self.hookup.sources:
                self.sources[name] = self._open(stack, name)
            self.digitizer = self._open(stack, self.hookup.digitizer)
            self.plan = self.digitizer.configure(self.plan)
            if self._programmed:
                for name in self.hookup.programmers:
                    self.programmers[name] = self._open(stack, name)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        try:
            self._make_safe_at_once()
        finally:
            self._stack.__exit__(*error)

    def _make_safe_at_once(self) -> None:
        """Make all instruments safe simultaneously, so that an unresponsive one does not delay the others.

        Each instrument is made safe again when it is closed; only failures at that time are reported.
        """
        opened = [*self.sources.values(), self.digitizer, *self.programmers.values()]
        if self._in_main_thread:  # the alarm can bound only one call at a time
            return
        threads = [threading.Thread(target=_suppressed, args=(each.make_safe,), daemon=True) for each in opened]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(self.station.margin_s)

    def acquire(self, programs: Mapping[str, ToneProgram]) -> NDArray[np.float64]:
        """Acquire (T, C) volts while the sources play `programs` (by label, "awg/0"); other channels play 0 V."""
        self.begin(programs)
        return np.concatenate([block.volts() for block in self.blocks()])

    def begin(self, programs: Mapping[str, ToneProgram]) -> None:
        """Load all programs, arm the digitizer and the sources, then start."""
        for name, source in self.sources.items():
            source.load({wire.channel: programs.get(wire.label, SILENT) for wire in self.wires if wire.device == name})
        self.digitizer.arm()
        for source in self.sources.values():
            source.arm()
        for source in self.sources.values():
            source.start()
        self.digitizer.start()

    def blocks(self) -> list[Block]:
        """Read the blocks of the acquisition in progress."""
        blocks: list[Block] = []
        received = 0
        while received < self.plan.total_samples:
            blocks.append(self.digitizer.read(self.plan.duration_s + self.station.margin_s))
            received += len(blocks[-1].codes)
            assert len(blocks[-1].codes), f"{self.hookup.digitizer}: read returned no scans"
        return blocks

    @property
    def wires(self) -> tuple[SourceWire, ...]:
        """All wires of the sources."""
        return (*self.hookup.inputs, *self.hookup.outputs, self.hookup.pilot)

    def _open(self, stack: ExitStack, name: str) -> Any:
        instrument = self.station.connect(name)
        instrument.in_main_thread = self._in_main_thread
        stack.enter_context(_safe_afterwards(instrument))
        instrument.open()
        return instrument


def _suppressed(action: Callable[[], None]) -> None:
    with suppress(Exception):
        action()


@contextmanager
def _safe_afterwards(instrument: Any) -> Iterator[None]:
    """Make safe and close in any case; raise errors of doing so only if there was no other exception."""
    try:
        yield
    except BaseException:
        with suppress(Exception):
            instrument.make_safe()
        with suppress(Exception):
            instrument.close()
        raise
    try:
        instrument.make_safe()
    finally:
        instrument.close()
