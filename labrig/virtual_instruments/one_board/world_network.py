"""The World at the converters of a virtual one-board bench."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from labrig.instruments.drivers import DigitizerCapabilities, SourceCapabilities
from labrig.signals.tones import Tone, ToneProgram
from labrig.simulation.front_end import FrontEnd
from labrig.virtual_instruments.counterpart import Entry
from labrig.virtual_instruments.one_board.board import CLOCK_HZ
from labrig.virtual_instruments.one_board.held_world import HeldWorld
from labrig.virtual_instruments.one_board.sampler import COSINE, MIDDLE, PER_CODE, Acquisition, Codes, Program
from labrig.virtual_instruments.virtual_bench import VirtualBench


class WorldNetwork:
    """The World at the converters of one board: a `Network`.

    Parameters
    ----------
    bench : VirtualBench
        The bench.
    source, digitizer : Entry or None
        The instruments that are configured.
    """

    def __init__(self, bench: VirtualBench, source: Entry | None, digitizer: Entry | None) -> None:
        self._bench = bench
        wiring = bench.world.wiring
        self._sources = [] if source is None else _labels(source, wiring.sources)
        self._step_v = 0.0 if source is None else cast(SourceCapabilities, source.capabilities).step_v
        self._front_end: FrontEnd | None = None
        self._names: tuple[str, ...] = ()
        if digitizer is not None:
            able = self._able = cast(DigitizerCapabilities, digitizer.capabilities)
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
        before = min(first, 1)  # the multiplexer carries the scan before over to the first one
        volts = (acquisition.program.codes(first - before, last) - MIDDLE) * self._step_v
        names = [self._names[k] for k in acquisition.inputs]
        with self._bench.lock:
            (t0, number), rate = self._began, CLOCK_HZ / acquisition.period
            by_channel = {label: np.asarray(volts[:, source], dtype=np.float64) for source, label in self._sources}
            held: Any = HeldWorld(self._bench.world, by_channel)
            skew_s = self._able.skew_s(len(names), rate)  # for the multiplexer only: nothing changes within a scan
            sampled = self._front_end.sample(held, names, t0, rate, (first - before, last), number, skew_s)
        codes, _ = self._front_end.codes(sampled[before:])
        return codes.astype(np.int64) + MIDDLE

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
