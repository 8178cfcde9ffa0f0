"""What a board answers: the voltages of its nodes, computed from its timeline."""

from __future__ import annotations

import cmath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labrig.network.physics import Equilibrium, Network, SeenFromNodes
from labrig.signals.tones import SILENT
from labrig.simulation.world.lag import LinearLag, lagging
from labrig.simulation.world.timeline import SAME_SAMPLE, Timeline
from labrig.simulation.world.wiring import SourceStage

Array = NDArray[np.float64]

_REMEMBERED_PHASORS = 2**24
"""256 MB: a few long acquisitions of tones that do not repeat."""


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


class BoardResponse:
    """Node voltages of a board, without noise, as a pure function of its timeline and of the time asked for.

    Parameters
    ----------
    network : Network
        The board.
    channels : sequence of S
        The channel that drives each source of the network.
    stages : sequence of S
        Their output stages.
    timeline : Timeline
        What they play, and the conductances of the edges.
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
        self._gain = np.array([stage.gain for stage in stages])
        step = np.array([stage.step_v for stage in stages])
        self._outputs = [(column, output) for column, stage in enumerate(stages) for output in stage.outputs]
        self._farad = farad if farad is not None and farad.any() else None
        self._lag: tuple[Equilibrium, Array, LinearLag] | None = None
        self._converts = step > 0
        self._step = np.where(self._converts, step, 1.0)
        self._solvers: dict[tuple[bool, ...], Equilibrium] = {}
        self._periods: dict[tuple[float, ...], int | None] = {}
        self._turned: dict[tuple[tuple[float, ...], float, int, tuple[float, ...]], NDArray] = {}
        self._holding: dict[tuple[bool, ...], Array] = {}

    def voltages(
        self,
        nodes: Sequence[str],
        t0: float,
        rate: float,
        n: int,
        skew_s: Sequence[float] = (),
        coupling: Array | None = None,
    ) -> Array:
        """(n, len(nodes)) voltages at the times t0 + k/rate, k = 0 … n − 1; node c later by skew_s[c]."""
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
        """The same voltages, split where something changes.

        Each stretch has one period of scans, which repeats until its end. `coupling`, (S, len(nodes)), is what share of
        the tones of each source comes on top.
        """
        skews = sorted(set(skew_s)) or [0.0]
        bounds = self._timeline.bounds(t0 + skews[0], rate, n)
        if any(self._timeline.bounds(t0 + skew, rate, n) != bounds for skew in skews[1:]):
            # A change falls between the samples of two nodes of one scan.
            shares = [None] * len(nodes) if coupling is None else list(coupling.T[:, :, np.newaxis])
            late = zip(nodes, skew_s, shares, strict=True)
            columns = [self.voltages([node], t0 + skew, rate, n, (), share) for node, skew, share in late]
            return [Stretch(0, n, np.hstack(columns))]
        columns = self._columns_of(tuple(nodes))
        rows = np.searchsorted(skews, skew_s) if len(skews) > 1 else 0
        stretches = []
        for first, last in pairwise(bounds):
            volts, tones = self._segment(t0, rate, first, last - first, skews)
            read = volts[:, rows, columns]
            if coupling is not None and tones is not None:
                taken = tones[:, rows]
                read += taken @ coupling if taken.ndim == 2 else np.einsum("ucs,sc->uc", taken, coupling)
            stretches.append(Stretch(first, last, read))
        return stretches

    def _columns_of(self, nodes: tuple[str, ...]) -> NDArray[np.intp]:
        """Positions of nodes in the network; the last set that was asked for is remembered."""
        if nodes != self._asked[0]:
            self._asked = nodes, np.array([self._node_index[node] for node in nodes], dtype=np.intp)
        return self._asked[1]

    def resistances(self, nodes: Sequence[str], t: float) -> Array | None:
        """(len(nodes),) small-signal resistance from each node to ground at t, at the DC levels that are played (Ω).

        None if the network's physics knows none.
        """
        programs = [program for _, program in self._timeline.programs(t)]
        solver = self._solver(tuple(program is None for program in programs), t)
        if not isinstance(solver, SeenFromNodes):
            return None
        levels = np.array([(program or SILENT).dc for program in programs])
        return solver.resistances(solver.states(self._converted(levels)), [self._node_index[node] for node in nodes])

    def static(self, volts: Mapping[str, ArrayLike], t: float) -> tuple[Equilibrium, Array]:
        """The solver at t, and the node voltages (B, N) if the named channels played each of these B constant voltages.

        All other sources would play 0 V with their outputs on.
        """
        solver = self._solver((False,) * len(self._channels), t)
        batch = max((np.size(value) for value in volts.values()), default=1)
        wanted = np.zeros((batch, len(self._channels)))
        for column, channel in enumerate(self._channels):
            wanted[:, column] = volts.get(channel, 0.0)
        return solver, np.atleast_2d(solver.states(self._converted(wanted)))

    def _segment(
        self, t0: float, rate: float, first: int, length: int, skews: Sequence[float]
    ) -> tuple[Array, Array | None]:
        """What is on the board at the unique samples of a stretch without events, at each of D skews (s).

        (U, D, N) node voltages, and (U, D, S) the tones of the sources, None if they play none.
        """
        now = t0 + skews[0] + (first + SAME_SAMPLE) / rate
        states = self._timeline.programs(now)
        programs = [program or SILENT for _, program in states]
        solver = self._solver(tuple(program is None for _, program in states), now)
        levels = np.array([[program.dc for program in programs]])
        frequencies = tuple(sorted({tone.frequency_hz for program in programs for tone in program.tones}))
        if not frequencies:
            volts = solver.states(self._converted(levels))
            return np.broadcast_to(volts, (1, len(skews), len(self._node_index))), None
        phasors = np.zeros((len(frequencies), len(programs)), dtype=complex)
        for column, (began, _) in enumerate(states):
            for tone in programs[column].tones:
                phase = tone.phase_rad + 2 * np.pi * tone.frequency_hz * (t0 + first / rate - began)
                phasors[frequencies.index(tone.frequency_hz), column] += tone.amplitude * cmath.exp(1j * phase)
        turning = self._turning(frequencies, rate, length, tuple(skews))
        tones = np.real(turning @ phasors)
        # The level around which the tones swing comes first: solvers start from the first sample.
        volts = solver.states(self._converted(np.concatenate((levels, levels + tones))))[1:]
        if self._farad is not None:
            siemens = self._timeline.conductances(now)
            volts = volts + self._lag_of(solver, siemens, levels, frequencies, phasors, turning)
        shape = (len(volts) // len(skews), len(skews), -1)
        return volts.reshape(shape), tones.reshape(shape)

    def _lag_of(
        self,
        solver: Equilibrium,
        siemens: Array,
        levels: Array,
        frequencies: tuple[float, ...],
        phasors: NDArray[np.complex128],
        turning: NDArray[np.complex128],
    ) -> Array:
        """(T, N) what the capacitance of the nodes adds to their voltages; the sources' rounding does not lag."""
        assert self._farad is not None
        if self._network.linear:
            if self._lag is None or self._lag[0] is not solver or self._lag[1] is not siemens:
                self._lag = solver, siemens, LinearLag(solver, len(self._channels), self._farad)
            return np.real(turning @ self._lag[2].added(frequencies, phasors * self._gain))

        def played(later_s: float) -> Array:
            turned = phasors * np.exp(2j * np.pi * later_s * np.array(frequencies))[:, np.newaxis]
            return self._distorted((levels + np.real(turning @ turned)) * self._gain)

        still = solver.states(played(0.0))
        return lagging(solver, self._farad, played, max(frequencies), still) - still

    def _turning(self, frequencies: tuple[float, ...], rate: float, length: int, skews: tuple[float, ...]) -> NDArray:
        """(U·D, F) unit phasors e^{jωt} of U different scans at D skews; t = 0 is the first scan of the stretch."""
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
            return self._distorted(source_v * self._gain)
        rounded = np.rint(source_v / self._step) * self._step
        return self._distorted(np.where(self._converts, rounded, source_v) * self._gain)

    def _distorted(self, source_v: Array) -> Array:
        """The same volts (…, S), changed in place by the outputs that distort."""
        for column, output in self._outputs:
            source_v[..., column] = output(source_v[..., column])
        return source_v

    def _period(self, cycles_per_sample: tuple[float, ...]) -> int | None:
        """Samples after which every tone repeats, or None if that takes too long."""
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
            self._solvers[is_open] = self._network.equilibrium({k for k, off in enumerate(is_open) if off})
        solver = self._solvers[is_open]
        siemens = self._timeline.conductances(t)
        if self._holding.get(is_open) is not siemens:  # never changed in place
            solver.set_parameters(siemens)
            self._holding[is_open] = siemens
        return solver
