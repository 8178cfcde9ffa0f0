"""The virtual counterpart of `labrig.board.*`: the instruments at one address are one board on one serial line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import numpy as np

from labrig.clock import MonotonicClock
from labrig.instruments.addresses import canonical
from labrig.instruments.data import Level
from labrig.instruments.drivers import DigitizerCapabilities, ProgrammerCapabilities, SourceCapabilities
from labrig.signals.tones import Tone, ToneProgram
from labrig.simulation.faults import PowerFault, RequestFault, SilenceFault
from labrig.simulation.front_end import FrontEnd
from labrig.virtual_instruments.counterpart import Endpoint, Entry
from labrig.virtual_instruments.digipot.board import Status
from labrig.virtual_instruments.digipot.counterpart import OPEN_TERMINALS_S
from labrig.virtual_instruments.faulty_line import FaultyLine
from labrig.virtual_instruments.one_board.board import CLOCK_HZ, VirtualOneBoard
from labrig.virtual_instruments.one_board.held_world import HeldWorld
from labrig.virtual_instruments.one_board.sampler import COSINE, MIDDLE, PER_CODE, Acquisition, Codes, Program
from labrig.virtual_instruments.serial_server import Unplugged, serve
from labrig.virtual_instruments.virtual_bench import VirtualBench

MOST_INPUTS = 16
DEFAULT_CHANNELS = 4


@contextmanager
def boards(bench: VirtualBench, entries: Sequence[Entry]) -> Iterator[Sequence[Endpoint]]:
    """Serve the boards; an endpoint is the line of the board that an entry belongs to."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(canonical(entry.options["resource"], look_up=False), []).append(entry)
    with ExitStack() as stack:
        urls = {key: stack.enter_context(_served(bench, group)) for key, group in groups.items()}
        yield [
            Endpoint(entry.name, entry.model, urls[canonical(entry.options["resource"], look_up=False)])
            for entry in entries
        ]


@contextmanager
def _served(bench: VirtualBench, entries: Sequence[Entry]) -> Iterator[str]:
    """Serve one board and yield its `socket://` URL."""
    by_kind = {type(entry.capabilities): entry for entry in entries}
    source, digitizer = by_kind.get(SourceCapabilities), by_kind.get(DigitizerCapabilities)
    programmer = by_kind.get(ProgrammerCapabilities)
    network = _Network(bench, source, digitizer, programmer)
    able = None if programmer is None else cast(ProgrammerCapabilities, programmer.capabilities)
    board = VirtualOneBoard(
        network,
        DEFAULT_CHANNELS if able is None else len(able.channels),
        sources=12 if source is None else len(source.capabilities.channels),  # type: ignore[union-attr]
        inputs=MOST_INPUTS if digitizer is None else len(digitizer.capabilities.channels),  # type: ignore[union-attr]
        part=None if able is None else able.part,
        clock=MonotonicClock(),
        on_codes=network.set,
    )

    def refuse_the_next() -> None:
        """Refuse the next requests: a fault of the board, not of the line."""
        board.forced.clear()
        if any(bench.faults.on_message(entry.name, RequestFault) for entry in entries):
            board.forced.append(Status.MALFORMED)

    line: Any = board
    for number, entry in enumerate(entries):
        bench.faults.when_begun(entry.name, PowerFault, lambda _: board.power_cycle())
        before = refuse_the_next if number == 0 else _nothing
        line = FaultyLine(line, bench.faults, entry.name, bench.seed, before_message=before)
    with serve(line, stream=_Stream(board, bench, line, entries)) as url:
        yield url


def _nothing() -> None:
    """No fault of the board."""


class _Stream:
    """What the board sends on its own, unless it is silent or unplugged."""

    def __init__(self, board: VirtualOneBoard, bench: VirtualBench, line: Any, entries: Sequence[Entry]) -> None:
        self._board, self._bench, self._line, self._entries = board, bench, line, entries

    def due_s(self) -> float:
        """Time until the last scans are due (s)."""
        return self._board.due_s()

    def take(self) -> bytes:
        """Blocks of scans that are due."""
        data = self._board.take()
        try:
            self._line.poll()
        except Unplugged:
            return b""
        silent = any(self._bench.faults.active(entry.name, SilenceFault) for entry in self._entries)
        return b"" if silent else data


class _Network:
    """The World at the terminals of one board."""

    def __init__(
        self, bench: VirtualBench, source: Entry | None, digitizer: Entry | None, programmer: Entry | None
    ) -> None:
        self._bench = bench
        wiring = bench.world.wiring
        self._sources = [] if source is None else _labels(source, wiring.sources)
        self._step_v = 0.0 if source is None else cast(SourceCapabilities, source.capabilities).step_v
        self._edges: dict[int, str] = {}
        self._parts: Sequence[Any] = ()
        if programmer is not None:
            self._edges = {number: wiring.edges[label] for number, label in _labels(programmer, wiring.edges)}
            self._parts = programmer.parts
        self._front_end: FrontEnd | None = None
        self._names: tuple[str, ...] = ()
        if digitizer is not None:
            able = cast(DigitizerCapabilities, digitizer.capabilities)
            self._names = able.channels
            self._front_end = FrontEnd(
                digitizer.name, able.channels, able.bits, able.full_scale_v, bench.imperfections, converts=True
            )
        self._playing: dict[str, ToneProgram] = {}
        self._began = (0.0, 0)  # time of the acquisition (s), and its number

    def hold(self, program: Program) -> None:
        """Let the outputs hold their levels."""
        with self._bench.lock:
            self._drive(self._bench.clock(), program, None)

    def begin(self, acquisition: Acquisition) -> None:
        """Begin an acquisition and its tones."""
        with self._bench.lock:
            t = self._bench.clock()
            self._drive(t, acquisition.program, CLOCK_HZ / acquisition.period)
            self._began = t, self._bench.world.begin_acquisition(t)

    def digitize(self, acquisition: Acquisition, first: int, last: int) -> Codes:
        """Return the (n, C) codes of the scans first … last − 1."""
        if self._front_end is None:
            return np.full((last - first, len(acquisition.inputs)), MIDDLE)
        volts = (acquisition.program.codes(first, last) - MIDDLE) * self._step_v
        names = [self._names[k] for k in acquisition.inputs]
        with self._bench.lock:
            (t0, number), rate = self._began, CLOCK_HZ / acquisition.period
            by_channel = {label: np.asarray(volts[:, source], dtype=np.float64) for source, label in self._sources}
            held: Any = HeldWorld(self._bench.world, by_channel)
            skew_s = (0.0,) * len(names)
            sampled = self._front_end.sample(held, names, t0, rate, (first, last), number, skew_s)
        codes, _ = self._front_end.codes(sampled)
        return codes.astype(np.int64) + MIDDLE

    def set(self, codes: Mapping[int, int | None]) -> None:
        """Set the conductances of these codes in the World."""
        siemens = {
            self._edges[channel]: OPEN_TERMINALS_S if code is None else self._parts[channel].conductance(Level(code))
            for channel, code in codes.items()
            if channel in self._edges
        }
        if siemens:
            with self._bench.lock:
                self._bench.world.set(self._bench.clock(), siemens)

    def _drive(self, t: float, program: Program, rate_hz: float | None) -> None:
        """Set the programs of the outputs in the World, with their tones if scans are taken."""
        for number, label in self._sources:
            tones = [] if rate_hz is None else [each for each in program.partials if each.source == number]
            played = ToneProgram(
                (program.levels[number] - MIDDLE) * self._step_v,
                tuple(
                    Tone(
                        each.step * (rate_hz or 0.0) / len(COSINE),
                        abs(each.amplitude) * self._step_v / PER_CODE,
                        2 * math.pi * each.phase / len(COSINE) + (math.pi if each.amplitude < 0 else 0.0),
                    )
                    for each in tones
                ),
            )
            if self._playing.get(label) != played:
                self._playing[label] = played
                self._bench.world.drive(t, label, played)


def _labels(entry: Entry, wired: Mapping[str, str]) -> list[tuple[int, str]]:
    """Numbers and labels of the channels of an entry that are wired."""
    labels = (f"{entry.name}/{channel}" for channel in entry.capabilities.channels)
    return [(number, label) for number, label in enumerate(labels) if label in wired]
