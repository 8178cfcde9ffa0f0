"""Where a suite gets its instruments from: one configuration, one bench, and a fresh instrument for every check."""

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
"""How much longer than it was told to wait a call may take."""

DRIVE_V = 0.5
"""What the checks play, less where the rig's limits, full scales or supplies ask for less."""


class Station:
    """assembly: the configuration under test. The bench is built when the first instrument is asked for."""

    def __init__(self, assembly: Assembly, margin_s: float = MARGIN_S) -> None:
        self.assembly = assembly
        self.margin_s = margin_s

    @cached_property
    def bench(self) -> Bench:
        return import_module(BENCHES[self.assembly.header.bench]).build(self.assembly)

    def subjects(self, kind: str) -> list[Subject]:
        """The instruments of a kind that the wiring uses."""
        hookup = self.assembly.board.hookup
        names = {"source": hookup.sources, "digitizer": (hookup.digitizer,), "programmer": hookup.programmers}[kind]
        return [Subject(self, name) for name in names]

    def connect(self, name: str) -> Any:
        """An unopened instrument behind its guard, every call bounded."""
        device = self.assembly.devices[name]
        # The options as a run uses them: with the terminal its start trigger leaves by.
        return self.checked(name, self.bench.connect(name, device.driver, self.assembly.routed(name)))

    def checked(self, name: str, instrument: Any) -> Bounded:
        able = self.assembly.devices[name].capabilities
        if isinstance(able, SourceCapabilities):
            instrument = GuardedSource(name, instrument, able)
        elif isinstance(able, ProgrammerCapabilities):
            instrument = GuardedProgrammer(name, instrument, able)
        return Bounded(name, instrument, self.margin_s)

    @property
    def drive_v(self) -> float:
        """Voltage the checks may drive any node with. A current source gets the largest error of the configuration:
        what more would do to its node, nobody knows."""
        hookup = self.assembly.board.hookup
        rails = [abs(end) for wire in hookup.senses for end in (wire.low_v, wire.high_v)]
        full_scales = [wire.full_scale_v for wire in (*hookup.inputs, *hookup.outputs, hookup.pilot)]
        ranges = self.assembly.acquisition_timing.plan.ranges_v
        current_a = self.assembly.learning.error.current
        errors = [current_a * wire.volts_per_ampere for wire in hookup.outputs if wire.howland]
        return min(DRIVE_V, *errors, 0.5 * min(*rails, *full_scales, *ranges, self.assembly.limits.node_v))

    def close(self) -> None:
        if "bench" in self.__dict__:
            self.bench.close()


@dataclass(frozen=True)
class Subject:
    """One instrument under test."""

    station: Station
    name: str

    @property
    def device(self) -> Device:
        return self.station.assembly.devices[self.name]

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels the wiring uses. Others may lead anywhere in the laboratory: no check touches them."""
        hookup = self.station.assembly.board.hookup
        if self.name == hookup.digitizer:
            return tuple(wire.channel for wire in hookup.senses)
        wires = (*hookup.inputs, *hookup.outputs, hookup.pilot, *hookup.edges)
        return tuple(wire.channel for wire in wires if wire.device == self.name)

    @property
    def plan(self) -> AcquisitionPlan:
        return self.station.assembly.acquisition_timing.plan

    def connect(self) -> Any:
        return self.station.connect(self.name)

    def absent(self) -> Any:
        """The same driver led to an instrument that is not there."""
        if self.station.assembly.header.bench == "simulated" or self.device.driver.factory is None:
            raise NotApplicable("a simulated instrument cannot be absent")
        if "resource" not in type(self.device.options).model_fields:
            raise NotApplicable("the driver's options have no resource that could be absent")
        options = self.device.options.model_copy(update={"resource": "labrig-absent"})
        return self.station.checked(self.name, self.device.driver.factory(self.name, options))

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """The instrument, open; made safe and closed afterwards."""
        instrument = self.connect()
        with _safe_afterwards(instrument):
            instrument.open()
            yield instrument


class Chain:
    """Sources and digitizer of a rig, open and configured, with no rig around them: play, and read volts.

        with Chain(station) as chain:
            volts = chain.acquire(programs)

    plan: asked for, by default the configuration's; once open, what `configure` returned.
    programmed: open the programmers too, for without them the edges may be open. here: as of `Bounded`.
    """

    def __init__(
        self, station: Station, plan: AcquisitionPlan | None = None, *, programmed: bool = False, here: bool = False
    ) -> None:
        self.station = station
        self.hookup = station.assembly.board.hookup
        self.plan = plan or station.assembly.acquisition_timing.plan
        self.sources: dict[str, Any] = {}
        self.digitizer: Any = None
        self.programmers: dict[str, Any] = {}
        self._programmed = programmed
        self._here = here
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
        """Make all safe at the same time, for a silent one must keep none on; each is made safe again, in turn, when
        it is closed, and its failure counts then."""
        opened = [*self.sources.values(), self.digitizer, *self.programmers.values()]
        if self._here:  # an alarm bounds each call, and there is only one
            return
        threads = [threading.Thread(target=_suppressed, args=(each.make_safe,), daemon=True) for each in opened]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(self.station.margin_s)

    def acquire(self, programs: Mapping[str, ToneProgram]) -> NDArray[np.float64]:
        """(T, C) volts of an acquisition while sources play `programs` (by label, "awg/0"), other channels 0 V."""
        self.begin(programs)
        return np.concatenate([block.volts() for block in self.blocks()])

    def begin(self, programs: Mapping[str, ToneProgram]) -> None:
        """Load, arm the digitizer first, start the sources last."""
        for name, source in self.sources.items():
            source.load({wire.channel: programs.get(wire.label, SILENT) for wire in self.wires if wire.device == name})
        self.digitizer.arm()
        for source in self.sources.values():
            source.arm()
        for source in self.sources.values():
            source.start()
        self.digitizer.start()

    def blocks(self) -> list[Block]:
        """The blocks of the acquisition that has begun."""
        blocks: list[Block] = []
        received = 0
        while received < self.plan.total_samples:
            blocks.append(self.digitizer.read(self.plan.duration_s + self.station.margin_s))
            received += len(blocks[-1].codes)
            assert len(blocks[-1].codes), f"{self.hookup.digitizer}: read returned no scans"
        return blocks

    @property
    def wires(self) -> tuple[SourceWire, ...]:
        return (*self.hookup.inputs, *self.hookup.outputs, self.hookup.pilot)

    def _open(self, stack: ExitStack, name: str) -> Any:
        instrument = self.station.connect(name)
        instrument.here = self._here
        stack.enter_context(_safe_afterwards(instrument))
        instrument.open()
        return instrument


def _suppressed(action: Callable[[], None]) -> None:
    with suppress(Exception):
        action()


@contextmanager
def _safe_afterwards(instrument: Any) -> Iterator[None]:
    """Make safe and close, whatever happened; only where nothing else went wrong does a failure of that count."""
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
