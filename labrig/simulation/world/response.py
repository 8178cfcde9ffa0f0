"""The response of a board: the voltages of its nodes, computed from its timeline."""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labrig.network.physics import Decays, Equilibrium, Network, SeenFromNodes
from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig.simulation.world.lag import LinearResponse, lagging
from labrig.simulation.world.outputs import OutputStages
from labrig.simulation.world.timeline import SAME_SAMPLE, Timeline
from labrig.simulation.world.transient import Transients
from labrig.simulation.world.wiring import SourceStage

Array = NDArray[np.float64]

_REMEMBERED_PHASORS = 2**24
"""Largest number of cached phasors (256 MB): a few long acquisitions of tones that do not repeat."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Scans first … last − 1, in which nothing changes: the rows of `unique` (U, C), repeated periodically."""

    first: int
    last: int
    unique: Array

    def add_to(self, volts: Array) -> None:
        """Add these voltages to rows first … last − 1 of `volts` (n, C)."""
        rows, period = volts[self.first : self.last], len(self.unique)
        whole = len(rows) - len(rows) % period
        periods = rows[:whole].reshape(-1, period, rows.shape[1])  # a view: whole rows are contiguous
        periods += self.unique
        rows[whole:] += self.unique[: len(rows) - whole]


@dataclass(frozen=True, slots=True)
class _Playing:
    """Everything that acts on a board in a stretch with U unique scans, D skews, S sources and F tones.

    Attributes
    ----------
    solver, siemens
        The solver of the network with its present edges, and their conductances (S).
    levels : (1, S) array
        Constant part of the programs (V).
    frequencies_hz : tuple of F float
        Frequencies of all tones.
    phasors : (F, S) array
        Requested phasor of each source at each tone (V).
    turning : (U·D, F) array
        Unit phasors e^{jωt} at the samples.
    skews_s : sequence of D float
        Delays with which nodes are sampled (s), increasing.
    """

    solver: Equilibrium
    siemens: Array
    levels: Array
    frequencies_hz: tuple[float, ...]
    phasors: NDArray[np.complex128]
    turning: NDArray
    skews_s: Sequence[float]

    def by_skew(self, samples: NDArray) -> NDArray:
        """Reshape samples (U·D, K) to (U, D, K)."""
        skews = len(self.skews_s)
        return samples.reshape(len(samples) // skews, skews, samples.shape[1])

    def waves(self, phasors: NDArray, rows: NDArray[np.intp] | int) -> Array:
        """Return the (U, C) waveforms of phasors (F, C), each column at the skew with index `rows`."""
        if isinstance(rows, int):
            return np.real(self.turning @ phasors)
        return np.einsum("ucf,fc->uc", self.by_skew(self.turning)[:, rows], phasors).real


class _Programs:
    """What S sources play, from their start times and programs `of`: which are off, the levels (1, S), and the tones.

    tones: row of the frequency in `frequencies_hz`, column of the source, start time (s), and the tone.
    """

    def __init__(self, of: Sequence[tuple[float, ToneProgram | None]]) -> None:
        self.of = of
        self.off = tuple([program is None for _, program in of])
        self.levels = np.array([[0.0 if program is None else program.dc for _, program in of]])
        each = [(k, began, tone) for k, (began, program) in enumerate(of) if program for tone in program.tones]
        self.frequencies_hz = tuple(sorted({tone.frequency_hz for _, _, tone in each}))
        rows = {hz: row for row, hz in enumerate(self.frequencies_hz)}
        self.tones: list[tuple[int, int, float, Tone]] = [(rows[tone.frequency_hz], k, t, tone) for k, t, tone in each]


class BoardResponse:
    """Node voltages of a board without noise, as a pure function of its timeline and of time.

    Parameters
    ----------
    network : Network
        The board.
    channels : sequence of S str
        The channel that drives each source of the network.
    stages : sequence of S SourceStage
        The output stages of these channels.
    timeline : Timeline
        The programs that channels play, and the conductances of the edges, over time.
    farad : (N,) array, optional
        Capacitance of each node (F). Default: none.
    """

    def __init__(
        self,
        network: Network,
        channels: Sequence[str],
        stages: Sequence[SourceStage],
        timeline: Timeline,
        farad: Array | None = None,
    ) -> None:
        self._network = network
        self._channels = tuple(channels)
        self._timeline = timeline
        self._node_index = {node: position for position, node in enumerate(network.nodes)}
        self._asked: tuple[tuple[str, ...], NDArray[np.intp]] = ((), np.empty(0, dtype=np.intp))
        self._stages = OutputStages(stages)
        self._farad = farad if farad is not None and farad.any() else None
        self._linear: tuple[Equilibrium, Array, LinearResponse] | None = None
        self._solvers: dict[tuple[bool, ...], Equilibrium] = {}
        self._periods: dict[tuple[float, ...], int | None] = {}
        self._programs = _Programs([])
        self._turned: dict[tuple[tuple[float, ...], float, int, tuple[float, ...]], NDArray] = {}
        self._holding: dict[tuple[bool, ...], Array] = {}
        relaxes = isinstance(network.equilibrium(), Decays)
        self._transients = Transients(lambda: self._timeline.events, self._steady) if relaxes else None

    def voltages(
        self,
        nodes: Sequence[str],
        t0: float,
        rate: float,
        n: int,
        skew_s: Sequence[float] = (),
        coupling: Array | None = None,
    ) -> Array:
        """Return (n, len(nodes)) voltages at t0 + k/rate, k = 0 … n − 1; node c is sampled skew_s[c] later."""
        volts = np.zeros((n, len(nodes)))
        for stretch in self.stretches(nodes, t0, rate, n, skew_s, coupling):
            stretch.add_to(volts)
        return volts

    def stretches(
        self,
        nodes: Sequence[str],
        t0: float,
        rate: float,
        n: int,
        skew_s: Sequence[float] = (),
        coupling: Array | None = None,
    ) -> list[Stretch]:
        """Return the voltages that `voltages` gives, split where something changes.

        Each stretch has one period of scans, which repeats until its end. `coupling` (S, len(nodes)) is the share of
        the tones of each source that is added to each node.
        """
        late = np.array(skew_s, dtype=float)
        skews = sorted(set(skew_s)) or [0.0]
        bounds = sorted({bound for skew in skews for bound in self._timeline.bounds(t0 + skew, rate, n)})
        columns = self._columns_of(tuple(nodes))
        stretches = []
        for first, last in pairwise(bounds):
            start = t0 + first / rate
            passed = [self._timeline.passed(start + skew, rate) for skew in skews] if len(skews) > 1 else (0,)
            if passed[0] == passed[-1]:
                read = self._read(self._playing(t0, rate, first, last - first, skews), columns, late, coupling)
            else:  # a change falls between the samples of two nodes of these scans
                read = np.empty((last - first, len(nodes)))
                for count in set(passed):
                    those = [skew for skew, seen in zip(skews, passed, strict=True) if seen == count]
                    some = np.isin(late, those)
                    board = self._playing(t0, rate, first, last - first, those)
                    part = self._read(board, columns[some], late[some], None if coupling is None else coupling[:, some])
                    read[:, some] = part[np.arange(last - first) % len(part)]
            read = self._with_transient(read, start, rate, last - first, tuple(nodes), late)
            stretches.append(Stretch(first, last, read))
        return stretches

    def _with_transient(
        self, read: Array, start: float, rate: float, n: int, nodes: tuple[str, ...], late_s: Array
    ) -> Array:
        """Return unique scans (U, C) with transients added (n, C), or unchanged if there are no transients."""
        if self._transients is None:
            return read
        columns = self._columns_of(nodes)
        late = np.zeros(len(self._network.nodes))
        late[columns] = late_s if len(late_s) else 0.0
        left = self._transients.departures(start + SAME_SAMPLE / rate, rate, n, late)
        return read if left is None else read[np.arange(n) % len(read)] + left[:, columns]

    def _steady(self, t: float) -> tuple[Equilibrium, Array]:
        """Return the solver just after t, and the steady states (N,) for the levels that are played then."""
        board = self._playing(t, 1.0 / SAME_SAMPLE, 0, 1, [0.0])
        return board.solver, board.solver.states(self._stages.converted(board.levels))[0]

    def _columns_of(self, nodes: tuple[str, ...]) -> NDArray[np.intp]:
        """Return the positions of nodes in the network; the last result is cached."""
        if nodes != self._asked[0]:
            self._asked = nodes, np.array([self._node_index[node] for node in nodes], dtype=np.intp)
        return self._asked[1]

    def resistances(self, nodes: Sequence[str], t: float) -> Array | None:
        """Return the small-signal resistance (Ω) from each node to ground at t, at the DC levels that are played.

        None if the physics of the network has no resistances.
        """
        programs = [program for _, program in self._timeline.programs(t)]
        solver = self._solver(tuple(program is None for program in programs), t)
        if not isinstance(solver, SeenFromNodes):
            return None
        levels = np.array([(program or SILENT).dc for program in programs])
        return solver.resistances(
            solver.states(self._stages.converted(levels)), [self._node_index[node] for node in nodes]
        )

    def static(self, volts: Mapping[str, ArrayLike], t: float) -> tuple[Equilibrium, Array]:
        """Return the solver at t, and the node voltages (B, N) for B constant voltages of each of these channels.

        All other sources play 0 V with their outputs on.
        """
        solver = self._solver((False,) * len(self._channels), t)
        batch = max((np.size(value) for value in volts.values()), default=1)
        wanted = np.zeros((batch, len(self._channels)))
        for column, channel in enumerate(self._channels):
            wanted[:, column] = volts.get(channel, 0.0)
        return solver, np.atleast_2d(solver.states(self._stages.converted(wanted)))

    def _playing(self, t0: float, rate: float, first: int, length: int, skews: Sequence[float]) -> _Playing:
        """Return what acts on the board at the unique samples of a stretch without events, at each of D skews (s)."""
        now = t0 + skews[0] + (first + SAME_SAMPLE) / rate
        programs = self._timeline.programs(now)
        if programs is not self._programs.of:
            self._programs = _Programs(programs)
        played = self._programs
        solver = self._solver(played.off, now)
        phasors = np.zeros((len(played.frequencies_hz), len(programs)), dtype=complex)
        for row, column, began, tone in played.tones:
            phase = tone.phase_rad + 2 * math.pi * tone.frequency_hz * (t0 + first / rate - began)
            phasors[row, column] += cmath.rect(tone.amplitude, phase)
        none = np.empty((1, 0))
        turning = self._turning(played.frequencies_hz, rate, length, tuple(skews)) if played.tones else none
        siemens = self._timeline.conductances(now)
        return _Playing(solver, siemens, played.levels, played.frequencies_hz, phasors, turning, skews)

    def _read(self, board: _Playing, columns: NDArray[np.intp], late_s: Array, coupling: Array | None) -> Array:
        """Return the (U, C) voltages of the nodes `columns` (C,), each delayed by `late_s` (C,) (s)."""
        if not board.frequencies_hz:
            return board.solver.states(self._stages.converted(board.levels))[:, columns]
        rows = np.searchsorted(board.skews_s, late_s) if len(board.skews_s) > 1 else 0
        if self._network.linear and not isinstance(rows, int):
            read = self._read_superposed(board, columns, rows)
        else:
            volts = self._answer_linearly(board) if self._network.linear else self._answer(board)
            read = board.by_skew(volts)[:, rows, columns]
        if coupling is not None:
            read += board.waves(board.phasors @ coupling, rows)
        return read

    def _answer(self, board: _Playing) -> Array:
        """Return the (U·D, N) voltages of all nodes of a nonlinear network."""
        played = board.levels + np.real(board.turning @ board.phasors)
        # The DC operating point comes first, because solvers start from the first sample.
        volts = board.solver.states(self._stages.converted(np.concatenate((board.levels, played))))[1:]
        return volts if self._farad is None else volts + self._lag(board, self._farad)

    def _answer_linearly(self, board: _Playing) -> Array:
        """Return the (U·D, N) voltages of all nodes of a linear network."""
        linear, sources = self._linear_response(board), len(self._channels)
        if self._farad is None:
            played = board.levels + np.real(board.turning @ board.phasors)
            return self._stages.converted(played) @ linear.responses
        lag = linear.lag(board.frequencies_hz, board.phasors * self._stages.gain)
        waves = np.real(board.turning @ np.concatenate((board.phasors, lag), axis=1))
        return self._stages.converted(board.levels + waves[:, :sources]) @ linear.responses + waves[:, sources:]

    def _read_superposed(self, board: _Playing, columns: NDArray[np.intp], rows: NDArray[np.intp]) -> Array:
        """Return the voltages as `_read` does, for a linear network: each node is computed only at its own skew."""
        linear = self._linear_response(board)
        played = np.flatnonzero(board.phasors.any(axis=0))
        still = self._stages.converted(board.levels)
        tones = np.real(board.turning @ board.phasors[:, played])
        waves = self._stages.converted(board.levels[:, played] + tones, played) - still[:, played]
        read = np.einsum("uck,kc->uc", board.by_skew(waves)[:, rows], linear.responses[np.ix_(played, columns)])
        if self._farad is not None:
            lag = linear.lag(board.frequencies_hz, board.phasors * self._stages.gain)
            read += board.waves(lag[:, columns], rows)
        return read + board.solver.states(still)[:, columns]

    def _linear_response(self, board: _Playing) -> LinearResponse:
        """Return the response of a linear network, which is computed again when its edges have changed."""
        known = self._linear
        if known is None or known[0] is not board.solver or known[1] is not board.siemens:
            made = LinearResponse(board.solver, len(self._channels), self._farad)
            known = self._linear = board.solver, board.siemens, made
        return known[2]

    def _lag(self, board: _Playing, farad: Array) -> Array:
        """Return the (T, N) voltages that node capacitance adds to those of a nonlinear network.

        The rounding of the sources is not delayed.
        """

        def played(later_s: float) -> Array:
            turns = np.exp(2j * np.pi * later_s * np.array(board.frequencies_hz))[:, np.newaxis]
            return self._stages.unrounded(board.levels + np.real(board.turning @ (board.phasors * turns)))

        still = board.solver.states(played(0.0))
        return lagging(board.solver, farad, played, max(board.frequencies_hz), still) - still

    def _turning(self, frequencies: tuple[float, ...], rate: float, length: int, skews: tuple[float, ...]) -> NDArray:
        """Return (U·D, F) unit phasors e^{jωt} of U unique scans at D skews; t = 0 is the first scan of the stretch."""
        asked = frequencies, rate, length, skews
        if asked not in self._turned:
            cycles_per_sample = tuple(frequency / rate for frequency in frequencies)
            period = self._period(cycles_per_sample)
            unique = length if period is None else min(period, length)
            cycles = np.multiply.outer(np.arange(unique), cycles_per_sample)
            late = np.multiply.outer(skews, frequencies)
            turns = (cycles[:, np.newaxis] + late).reshape(unique * len(skews), len(frequencies))
            if len(self._turned) >= 64 or sum(each.size for each in self._turned.values()) > _REMEMBERED_PHASORS:
                self._turned.clear()  # a run needs only a few; more would only fill memory
            self._turned[asked] = np.exp(2j * np.pi * turns)
        return self._turned[asked]

    def _period(self, cycles_per_sample: tuple[float, ...]) -> int | None:
        """Return the number of samples after which all tones repeat, or None if it is too large."""
        if cycles_per_sample not in self._periods:
            period: int | None = 1
            for ratio in cycles_per_sample:
                fraction = Fraction(ratio).limit_denominator(100_000)
                # The rounding of a quotient of two floats is 1e-16; anything larger is a real detuning.
                close = abs(float(fraction) - ratio) <= 2e-16 * max(1.0, ratio)
                period = math.lcm(period, fraction.denominator) if close and period is not None else None
            self._periods[cycles_per_sample] = period
        return self._periods[cycles_per_sample]

    def _solver(self, is_open: tuple[bool, ...], t: float) -> Equilibrium:
        if is_open not in self._solvers:
            if len(self._solvers) >= 8:  # a few sets of open outputs recur; more would only fill memory
                self._solvers.clear()
                self._holding.clear()
            self._solvers[is_open] = self._network.equilibrium({k for k, off in enumerate(is_open) if off})
        solver = self._solvers[is_open]
        siemens = self._timeline.conductances(t)
        if self._holding.get(is_open) is not siemens:  # the array is never changed in place
            solver.set_parameters(siemens)
            self._holding[is_open] = siemens
        return solver
