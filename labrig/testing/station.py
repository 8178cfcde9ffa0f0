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
from labrig.instruments.drivers import DigitizerCapabilities, ProgrammerCapabilities, SourceCapabilities
from labrig.instruments.guard import GuardedProgrammer, GuardedSource
from labrig.rig.hookup import SourceWire
from labrig.signals.tones import SILENT, ToneProgram, signed_tone
from labrig.testing.calls import Bounded, NotApplicable

MARGIN_S = 5.0
"""Longest time that a call may take beyond its own timeout (s), unless the configuration allows longer steps."""

DRIVE_V = 0.5
"""Drive of the checks (V), reduced if the rig's limits, full scales or supplies require it."""


class Station:
    """The configuration under test and its bench, which is built for the first instrument.

    Parameters
    ----------
    assembly
        The configuration.
    margin_s
        Longest time that a call may take beyond its own timeout (s); by default `MARGIN_S`, or the longest step of the
        configuration if it is longer.
    """

    def __init__(self, assembly: Assembly, margin_s: float | None = None) -> None:
        self.assembly = assembly
        self.margin_s = max(MARGIN_S, assembly.limits.step_s) if margin_s is None else margin_s

    @cached_property
    def bench(self) -> Bench:
        """The bench of the configuration."""
        return import_module(BENCHES[self.assembly.header.bench]).build(self.assembly)

    def subjects(self, kind: str) -> list[Subject]:
        """Return the wired instruments of a kind ("source", "digitizer" or "programmer")."""
        hookup = self.assembly.board.hookup
        digitizers = (hookup.digitizer, *self.assembly.judge_plans(self.rig_plan))
        names = {"source": hookup.sources, "digitizer": digitizers, "programmer": hookup.programmers}[kind]
        return [Subject(self, name) for name in names]

    @property
    def rig_plan(self) -> AcquisitionPlan:
        """The acquisition of the configuration."""
        return self.assembly.acquisition_timing.plan

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
        ranges = self.rig_plan.ranges_v
        current_a = self.assembly.learning.error.largest
        errors = [current_a * wire.volts_per_ampere for wire in hookup.outputs if wire.howland]
        return min(DRIVE_V, *errors, 0.5 * min(*rails, *full_scales, *ranges, self.assembly.limits.node_v))

    def plays_tones_only(self, source: str) -> bool:
        """Whether the outputs of a source are AC-coupled."""
        return self.assembly.devices[source].source.lowest_hz > 0

    def drive(self, source: str, volts: float) -> ToneProgram:
        """Return a drive by this source: a level (V) or, if it is AC-coupled, a tone of this signed amplitude."""
        if not self.plays_tones_only(source):
            return ToneProgram(volts)
        return ToneProgram(0.0, (signed_tone(self.assembly.acquisition_timing.tones.frequencies_hz[-1], volts),))

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
        if isinstance(self.device.capabilities, DigitizerCapabilities):
            return self.plan.channels
        wires = (*hookup.inputs, *hookup.outputs, hookup.pilot, *hookup.edges)
        return tuple(wire.channel for wire in wires if wire.device == self.name)

    @property
    def plan(self) -> AcquisitionPlan:
        """The acquisition that the configuration sets for the rig, or for this instrument if it is a judge."""
        return self.station.assembly.judge_plans(self.station.rig_plan).get(self.name, self.station.rig_plan)

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
    """The sources and the digitizer of a rig, open and configured, but without a `Rig`: play programs, read volts.

        with Chain(station) as chain:
            volts = chain.acquire(programs)

    Parameters
    ----------
    station
        The rig under test.
    digitizer
        The digitizer under test: the rig's own (default) or one of the judge. A judge reads while the sources continue
        to play, after the rig's own digitizer has read a window.
    plan
        The acquisition to configure; by default that of the configuration. The attribute `plan` is the actual plan.
    programmed
        Whether to open the programmers too; otherwise the edges may be disconnected.
    in_main_thread
        See `Bounded`.
    """

    def __init__(
        self,
        station: Station,
        plan: AcquisitionPlan | None = None,
        *,
        digitizer: str | None = None,
        programmed: bool = False,
        in_main_thread: bool = False,
    ) -> None:
        self.station = station
        self.hookup = station.assembly.board.hookup
        self.name = digitizer or self.hookup.digitizer
        self.plan = plan or Subject(station, self.name).plan
        self.sources: dict[str, Any] = {}
        self.digitizer: Any = None
        self._own: Any = None
        self.programmers: dict[str, Any] = {}
        self._programmed = programmed
        self._in_main_thread = in_main_thread
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for name in self.hookup.sources:
                self.sources[name] = self._open(stack, name)
            self.digitizer = self._open(stack, self.name)
            self.plan = self.digitizer.configure(self.plan)
            if self.name != self.hookup.digitizer:
                self._own = self._open(stack, self.hookup.digitizer)
                self._own_plan = self._own.configure(self.station.rig_plan)
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

        Each instrument is made safe again before it is closed, and only failures then are reported.
        """
        own = [] if self._own is None else [self._own]
        opened = [*self.sources.values(), self.digitizer, *own, *self.programmers.values()]
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
        if self._own is not None:
            self._own.arm()
        for source in self.sources.values():
            source.arm()
        for source in self.sources.values():
            source.start()
        if self._own is not None:
            self._own.start()
            self._blocks(self.hookup.digitizer, self._own, self._own_plan)
        self.digitizer.start()

    def blocks(self) -> list[Block]:
        """Read the blocks of the acquisition in progress."""
        return self._blocks(self.name, self.digitizer, self.plan)

    def _blocks(self, name: str, digitizer: Any, plan: AcquisitionPlan) -> list[Block]:
        blocks: list[Block] = []
        received = 0
        while received < plan.total_samples:
            blocks.append(digitizer.read(plan.duration_s + self.station.margin_s))
            received += len(blocks[-1].codes)
            assert len(blocks[-1].codes), f"{name}: read returned no scans"
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
    """Make the instrument safe and close it in any case; errors in this never hide an exception of the context."""
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
