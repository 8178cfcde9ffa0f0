"""The expected readings of the configured board, and how much boards of the same configuration differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labrig.assembly.noise import Imperfection, imperfections
from labrig.network.physics import Equilibrium, Network
from labrig.rig.hookup import SourceWire

if TYPE_CHECKING:
    from labrig.assembly import Assembly
    from labrig.learning.measurement import Excitation
    from labrig.rig.rig import Rig

Array = NDArray[np.float64]

BOARDS = 16
"""Number of boards drawn at random to see by how much they differ."""

OWN_SEEDS = 2**31
"""The first seed of the drawn boards, beyond the seeds of configurations."""

LEAST_MOMENTS, MOST_MOMENTS = 8, 2048
"""Smallest number of instants per period of the fastest tone at which the network is solved, and the largest number of
instants in a window. If both cannot be met, the instants are chosen so that the tones can still be told apart."""


@dataclass(frozen=True)
class Expected:
    """DC (C,) of every sensed node, and component (F, C) in phase with the pilot at each tone, in the node's unit."""

    dc: Array
    in_phase: Array


@dataclass(frozen=True)
class _Board:
    """Output of each source, the network, and the crosstalk (W + 1, C) of each source's tones into each reading."""

    solver: Equilibrium
    sources: Sequence[Callable[[Array], Array]]
    coupling: Array | None = None


@dataclass(frozen=True)
class _Played:
    """Source voltages (W, T) at T instants, amplitudes of tones (F, W), and periods (F,) of each tone in T instants."""

    volts: Array
    tones: Array
    cycles: NDArray[np.intp]


class BoardModel:
    """A configured board with its parts at given conductances, and further boards drawn with its tolerances.

    Each drawn board has parts within the tolerance of their levels, and sources and a network as described by the
    `simulation` section or the calibration record. The seeds differ from those of the bench, so that the model knows
    nothing about the simulated board itself.

    Parameters
    ----------
    assembly : Assembly
        The configuration.
    rig : Rig
        Its open rig.
    siemens : (E,) array
        Conductance of every edge (S), or its parameter in another physics.
    """

    def __init__(self, assembly: Assembly, rig: Rig, siemens: Array) -> None:
        network, hookup = assembly.board.network, rig.hookup
        self._rig = rig
        self._wires = [*hookup.inputs, *hookup.outputs]
        place = {source.node: row for row, source in enumerate(network.sources)}
        self._rows = [place[wire.node] for wire in self._wires]
        self._width = len(network.sources)
        index = {node: number for number, node in enumerate(network.nodes)}
        self._nodes = [index.get(wire.node) for wire in hookup.senses]
        self._pilot_v = assembly.acquisition.pilot
        nominal = _Board(_solved(network, siemens), [_unchanged] * len(self._wires))
        tolerance = np.array([each.tolerance for each in rig.levels])
        self._boards = [nominal, *(_drawn(assembly, siemens, tolerance, number) for number in range(BOARDS))]

    def expected(self, excitation: Excitation) -> tuple[Expected, Expected]:
        """Return the readings of the board as configured, and the rms difference of the drawn boards from them."""
        played = self._played(excitation)
        nominal, *drawn = (self._readings(board, played) for board in self._boards)
        dc = np.mean([(each.dc - nominal.dc) ** 2 for each in drawn], axis=0)
        in_phase = np.mean([(each.in_phase - nominal.in_phase) ** 2 for each in drawn], axis=0)
        return nominal, Expected(np.sqrt(dc), np.sqrt(in_phase))

    def _played(self, excitation: Excitation) -> _Played:
        """Return what the sources play; a tone that is not played has 0 periods.

        The response of a network without memory depends on the phases of the tones, but not on how fast they advance,
        so the numbers of periods may be divided by a common divisor.
        """
        hookup, hz = self._rig.hookup, self._rig.tones.frequencies_hz
        sine = self._rig.activation == "sine"
        inputs = len(hookup.inputs)
        levels = np.zeros(len(self._wires))
        tones = np.zeros((len(hz), len(self._wires)))
        (tones[0] if sine else levels)[:inputs] = excitation.activation * hookup.volts_per_drive
        if excitation.error is not None:
            tones[1 if sine else 0 :, inputs:] = excitation.error * hookup.output_volts_per_ampere
        if excitation.constant is not None:
            levels[inputs:] = excitation.constant * hookup.output_volts_per_ampere
        window_s = self._rig.plan.window_samples / self._rig.plan.sample_rate_hz
        played = tones.any(axis=1)
        cycles = np.where(played, np.maximum(1, np.rint(np.array(hz) * window_s)), 0).astype(np.intp)
        cycles //= max(1, gcd(*cycles.tolist()))
        if not played.any():
            return _Played(levels[:, np.newaxis], tones, cycles)
        wanted = int(LEAST_MOMENTS * cycles.max())
        count = wanted if wanted <= MOST_MOMENTS else _apart(cycles[played])
        turns = np.outer(cycles, np.arange(count)) / count
        return _Played(levels[:, np.newaxis] + tones.T @ np.cos(2 * np.pi * turns), tones, cycles)

    def _readings(self, board: _Board, played: _Played) -> Expected:
        count = played.volts.shape[1]
        volts = np.zeros((count, self._width))
        for row, ideal, source in zip(self._rows, played.volts, board.sources, strict=True):
            volts[:, row] = source(ideal)
        states = np.atleast_2d(board.solver.states(volts))[:, [0 if node is None else node for node in self._nodes]]
        cosines = np.cos(2 * np.pi * np.outer(played.cycles, np.arange(count)) / count)
        in_phase = np.where(played.cycles > 0, 2.0, 0.0)[:, np.newaxis] * (cosines @ states) / count
        dc, pilot = states.mean(axis=0), self._rig.hookup.pilot_column
        pilot_v = self._pilot_v / len(played.cycles)
        dc[pilot], in_phase[:, pilot] = 0.0, pilot_v
        if board.coupling is not None:
            in_phase += np.hstack([played.tones, np.full((len(played.tones), 1), pilot_v)]) @ board.coupling
        return Expected(dc, in_phase)


def _apart(cycles: NDArray[np.intp]) -> int:
    """Return a number of instants at which these tones, their second harmonics and DC do not alias onto one another."""
    for count in range(MOST_MOMENTS, 2, -1):
        seen = [int(each) % count for each in (*cycles, *(2 * cycles))]
        seen = [min(each, count - each) for each in seen]
        if 0 not in seen and len(set(seen)) == len(seen):
            return count
    return MOST_MOMENTS


def _unchanged(volts: Array) -> Array:
    return volts


def _solved(network: Network, siemens: Array) -> Equilibrium:
    solver = network.equilibrium()
    solver.set_parameters(siemens)
    return solver


def _drawn(assembly: Assembly, siemens: Array, tolerance: Array, number: int) -> _Board:
    hookup, network = assembly.board.hookup, assembly.board.network
    wires = [*hookup.inputs, *hookup.outputs]
    generator = np.random.default_rng(number)
    parts = siemens * (1.0 + tolerance * generator.uniform(-1.0, 1.0, len(siemens)))
    members = imperfections(assembly, OWN_SEEDS + number)
    for member in members:
        network = member.network(network)
    record = assembly.calibration
    if record is None:
        sources = [_source(members, wire) for wire in wires]
    else:  # the calibration record knows the sources better
        u_gain = float(record.of_outputs.u_gain.max())
        sources = [_gained(1.0 + u_gain * float(generator.standard_normal())) for _ in wires]
    return _Board(_solved(network, parts), sources, _coupling(assembly, members))


def _coupling(assembly: Assembly, members: Sequence[Imperfection]) -> Array | None:
    """Return the crosstalk (W + 1, C) of the tones of each source, the pilot last, into each reading."""
    hookup = assembly.board.hookup
    labels = [wire.label for wire in (*hookup.inputs, *hookup.outputs, hookup.pilot)]
    channels = assembly.devices[hookup.digitizer].digitizer.channels
    found = [each.coupling(hookup.digitizer, len(channels), labels) for each in members]
    shares = [each for each in found if each is not None]
    columns = [channels.index(wire.channel) for wire in hookup.senses]
    per_volt = 1.0 if hookup.per_volt is None else hookup.per_volt
    return np.sum(shares, axis=0)[:, columns] * per_volt if shares else None


def _source(members: Sequence[Imperfection], wire: SourceWire) -> Callable[[Array], Array]:
    """Return the function from the requested to the real output of a channel with these imperfections."""
    gain = float(np.prod([each.source_gain(wire.label) for each in members]))
    outputs = [found for each in members if (found := each.output(wire.label, wire.full_scale_v)) is not None]

    def played(volts: Array) -> Array:
        volts = gain * volts
        for output in outputs:
            volts = output(volts)
        return volts

    return played


def _gained(gain: float) -> Callable[[Array], Array]:
    return lambda volts: gain * volts
