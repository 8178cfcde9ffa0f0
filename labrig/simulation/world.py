"""The World: a board, what every source plays into it, and the voltages anyone could measure.

Node voltages are a pure function of the timeline of events and of the time asked for. Time is an argument, so
simulated and real clocks both work. The World holds the *actual* wiring and the *actual* parts, which the rig cannot
know.
"""

from __future__ import annotations

import cmath
from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from labrig.network.physics import Equilibrium, Network
from labrig.signals.tones import SILENT, ToneProgram
from labrig.simulation.faults import FaultSchedule

Array = NDArray[np.float64]
State = TypeVar("State")

_REMEMBERED_EVENTS = 4096

_REMEMBERED_PHASORS = 2**24
"""256 MB: a few long acquisitions of tones that do not repeat."""

_SAME_SAMPLE = 1e-6
"""An event this close behind a sample (in samples) counts as at it: the rounding of times must not shift it."""


@dataclass(frozen=True)
class BoardWiring:
    """Which instrument channel ("awg/0") is soldered to what: sources and senses to nodes, programmers to edges."""

    sources: Mapping[str, str]
    senses: Mapping[str, str]
    edges: Mapping[str, str]


@dataclass(frozen=True)
class SourceStage:
    """Output stage of one source channel: actual gain, and the step of its converter in V (0: none)."""

    gain: float = 1.0
    step_v: float = 0.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """Scans first … last − 1, in which nothing changes: the rows of `unique` (U, C), repeated from the first on."""

    first: int
    last: int
    unique: Array

    def add_to(self, volts: Array) -> None:
        """Add these voltages to their rows of `volts` (n, C)."""
        rows, period = volts[self.first : self.last], len(self.unique)
        whole = len(rows) - len(rows) % period
        periods = rows[:whole].reshape(-1, period, rows.shape[1])  # a view: whole rows are contiguous
        periods += self.unique
        rows[whole:] += self.unique[: len(rows) - whole]


class _Timeline(Generic[State]):
    """States of one thing over time, newest last. Only the recent past is kept."""

    def __init__(self, initial: State) -> None:
        self._times = [-np.inf]
        self._states = [initial]

    def append(self, t: float, state: State) -> None:
        if t < self._times[-1]:
            raise ValueError("the World's timeline cannot be changed in the past")
        self._times.append(t)
        self._states.append(state)
        if len(self._times) > _REMEMBERED_EVENTS:
            del self._times[: _REMEMBERED_EVENTS // 2], self._states[: _REMEMBERED_EVENTS // 2]

    def at(self, t: float) -> tuple[float, State]:
        times = self._times
        if t >= times[-1]:  # nearly always
            return times[-1], self._states[-1]
        position = max(0, bisect_right(times, t) - 1)
        return times[position], self._states[position]


class World:
    """A board in time.

    drive: a source channel begins to play a program at t (None: its output opens). set: an edge has a new conductance
    from t on. voltages: noise-free node voltages at the times t0 + n/rate. faults: what is made to go wrong, and when.
    """

    def __init__(
        self, network: Network, wiring: BoardWiring, stages: Mapping[str, SourceStage], siemens: Array
    ) -> None:
        network.check()
        self.network = network
        self.wiring = wiring
        self.acquisitions = 0
        self.changes = 0  # how often `drive` or `set` was called: voltages asked for before may hold no more
        self.faults = FaultSchedule()
        self._node_index = {node: position for position, node in enumerate(network.nodes)}
        self._edge_index = {edge.name: position for position, edge in enumerate(network.edges)}
        by_node = {node: channel for channel, node in wiring.sources.items()}
        self._channels = tuple(by_node[source.node] for source in network.sources)
        self._gain = np.array([stages[channel].gain for channel in self._channels])
        step = np.array([stages[channel].step_v for channel in self._channels])
        self._converts = step > 0
        self._step = np.where(self._converts, step, 1.0)
        self._played: dict[str, _Timeline[ToneProgram | None]] = {c: _Timeline(None) for c in self._channels}
        self._siemens = _Timeline(np.array(siemens, dtype=float))
        self._events: list[float] = []
        self._solvers: dict[tuple[bool, ...], Equilibrium] = {}
        self._periods: dict[tuple[float, ...], int | None] = {}
        self._turned: dict[tuple[tuple[float, ...], float, int, tuple[float, ...]], NDArray] = {}
        self._holding: dict[tuple[bool, ...], Array] = {}

    def drive(self, t: float, channel: str, program: ToneProgram | None) -> None:
        """From t on the channel plays `program`, whose tones count their time from t; None opens the output."""
        if channel in self._played:
            self._played[channel].append(t, program)
            self._note(t)

    def set(self, t: float, siemens: Mapping[str, float]) -> None:
        """From t on these edges have these actual conductances (S)."""
        _, now = self._siemens.at(np.inf)
        changed = now.copy()
        for edge, value in siemens.items():
            changed[self._edge_index[edge]] = value
        self._siemens.append(t, changed)
        self._note(t)

    def begin_acquisition(self, t: float) -> int:
        """A digitizer takes its first scan at t; the number of this acquisition, from 1."""
        self.acquisitions += 1
        self.faults.begin_acquisition(t)
        return self.acquisitions

    def playing(self, t: float) -> dict[str, ToneProgram | None]:
        """What every wired source channel plays at t; None where its output is open."""
        return {channel: timeline.at(t)[1] for channel, timeline in self._played.items()}

    def conductances(self, t: float) -> Array:
        """(E,) actual conductances at t (S)."""
        return self._siemens.at(t)[1]

    def voltages(self, nodes: Sequence[str], t0: float, rate: float, n: int, skew_s: Sequence[float] = ()) -> Array:
        """(n, len(nodes)) voltages at the times t0 + k/rate, k = 0 … n − 1; node c later by skew_s[c]."""
        volts = np.zeros((n, len(nodes)))
        for stretch in self.stretches(nodes, t0, rate, n, skew_s):
            stretch.add_to(volts)
        return volts

    def stretches(
        self, nodes: Sequence[str], t0: float, rate: float, n: int, skew_s: Sequence[float] = ()
    ) -> list[Stretch]:
        """The same voltages as stretches between changes, each with its unique scans only."""
        skews = sorted(set(skew_s)) or [0.0]
        bounds = self._segment_bounds(t0 + skews[0], rate, n)
        if any(self._segment_bounds(t0 + skew, rate, n) != bounds for skew in skews[1:]):
            # A change falls between the samples of two nodes of one scan.
            late = zip(nodes, skew_s, strict=True)
            columns = [self.voltages([node], t0 + skew, rate, n) for node, skew in late]
            return [Stretch(0, n, np.hstack(columns))]
        columns = [self._node_index[node] for node in nodes]
        rows = [skews.index(skew) for skew in skew_s] if len(skews) > 1 else 0
        return [
            Stretch(first, last, self._segment(t0, rate, first, last - first, skews)[:, rows, columns])
            for first, last in pairwise(bounds)
        ]

    def static(self, volts: Mapping[str, float], t: float) -> tuple[Equilibrium, Array]:
        """The solver at t and all node voltages (N,) if the named channels played these constant voltages, the other
        sources 0 V with their outputs on."""
        solver = self._solver((False,) * len(self._channels), t)
        wanted = np.array([volts.get(channel, 0.0) for channel in self._channels])
        return solver, solver.states(self._converted(wanted))

    def _note(self, t: float) -> None:
        """Keep the times of all events in order; nearly always the newest comes last."""
        self.changes += 1
        insort(self._events, t)
        if len(self._events) > 16 * _REMEMBERED_EVENTS:
            del self._events[: 8 * _REMEMBERED_EVENTS]

    def _segment_bounds(self, t0: float, rate: float, n: int) -> list[int]:
        """Sample indices where something changes: a change at t shows from the first sample at or after t."""
        events = self._events
        within = events[bisect_right(events, t0) : bisect_right(events, t0 + n / rate)]
        inside = {int(np.ceil((t - t0) * rate - _SAME_SAMPLE)) for t in set(within)}
        return [0, *sorted(index for index in inside if 0 < index < n), n]

    def _segment(self, t0: float, rate: float, first: int, length: int, skews: Sequence[float]) -> Array:
        """(U, D, N) node voltages of the unique samples of a stretch without events, at each of D skews (s)."""
        now = t0 + skews[0] + (first + _SAME_SAMPLE) / rate
        states = [timeline.at(now) for timeline in self._played.values()]
        programs = [program or SILENT for _, program in states]
        solver = self._solver(tuple(program is None for _, program in states), now)
        source_v = np.array([[program.dc for program in programs]])
        frequencies = tuple(sorted({tone.frequency_hz for program in programs for tone in program.tones}))
        if not frequencies:
            return np.broadcast_to(solver.states(self._converted(source_v)), (1, len(skews), len(self._node_index)))
        phasors = np.zeros((len(frequencies), len(programs)), dtype=complex)
        for column, (began, _) in enumerate(states):
            for tone in programs[column].tones:
                phase = tone.phase_rad + 2 * np.pi * tone.frequency_hz * (t0 + first / rate - began)
                phasors[frequencies.index(tone.frequency_hz), column] += tone.amplitude * cmath.exp(1j * phase)
        turning = self._turning(frequencies, rate, length, tuple(skews))
        source_v = source_v + np.real(turning @ phasors)
        return solver.states(self._converted(source_v)).reshape(-1, len(skews), len(self._node_index))

    def _turning(self, frequencies: tuple[float, ...], rate: float, length: int, skews: tuple[float, ...]) -> NDArray:
        """(U·D, F) unit phasors of the unique samples of a stretch, counted from its first."""
        asked = frequencies, rate, length, skews
        if asked not in self._turned:
            cycles_per_sample = tuple(frequency / rate for frequency in frequencies)
            period = self._period(cycles_per_sample)
            unique = length if period is None else min(period, length)
            cycles = np.multiply.outer(np.arange(unique), cycles_per_sample)
            late = np.multiply.outer(skews, frequencies)
            turns = (cycles[:, np.newaxis] + late).reshape(unique * len(skews), len(frequencies))
            if len(self._turned) >= 64 or sum(each.size for each in self._turned.values()) > _REMEMBERED_PHASORS:
                self._turned.clear()  # a run needs a few; single long ones would only fill memory
            self._turned[asked] = np.exp(2j * np.pi * turns)
        return self._turned[asked]

    def _converted(self, source_v: Array) -> Array:
        """What the output stages make of the voltages they are asked for."""
        if not self._converts.any():
            return source_v * self._gain
        rounded = np.rint(source_v / self._step) * self._step
        return np.where(self._converts, rounded, source_v) * self._gain

    def _period(self, cycles_per_sample: tuple[float, ...]) -> int | None:
        """Samples after which every tone repeats, or None where they do not within reason."""
        if cycles_per_sample not in self._periods:
            period: int | None = 1
            for ratio in cycles_per_sample:
                fraction = Fraction(ratio).limit_denominator(100_000)
                # The rounding of a quotient of two floats is 1e-16; anything larger is a real detuning.
                close = abs(float(fraction) - ratio) <= 2e-16 * max(1.0, ratio)
                period = lcm(period, fraction.denominator) if close and period is not None else None
            self._periods[cycles_per_sample] = period
        return self._periods[cycles_per_sample]

    def _solver(self, is_open: tuple[bool, ...], t: float) -> Equilibrium:
        if is_open not in self._solvers:
            if len(self._solvers) >= 8:  # a few sets of open outputs recur; more would only fill memory
                self._solvers.clear()
                self._holding.clear()
            self._solvers[is_open] = self.network.equilibrium({k for k, off in enumerate(is_open) if off})
        solver = self._solvers[is_open]
        siemens = self.conductances(t)
        if self._holding.get(is_open) is not siemens:  # never changed in place
            solver.set_parameters(siemens)
            self._holding[is_open] = siemens
        return solver
