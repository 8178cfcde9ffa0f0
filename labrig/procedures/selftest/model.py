"""Predicts the readings of a board with a given wiring, from the configuration alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from labrig.assembly.wired import Wired
from labrig.procedures.selftest.experiments import Experiment, Readings
from labrig.rig.hookup import Hookup

Array = NDArray[np.float64]

PHASES = 8
"""Number of samples per period of a tone."""

REMEMBERED = 8
"""Number of boards whose node voltages are cached, because faults of sense leads share them."""


@dataclass(frozen=True)
class Expectation:
    """The expected readings (X, C) of a board, and their derivatives (X, C, E) by ln of each conductance."""

    volts: Array
    by_edge: Array


class Model:
    """Predicts the readings of a self-test.

    Parameters
    ----------
    nominal : Wired
        The board as configured.
    hookup : Hookup
        The wiring of the rig.
    readings : Readings
        The experiments and the measured readings.
    activation : str
        Whether inputs play levels ("dc") or tones ("sine").
    error_a : float
        Amplitude of the error current (A).
    """

    def __init__(
        self, nominal: Wired, hookup: Hookup, readings: Readings, activation: Literal["dc", "sine"], error_a: float
    ) -> None:
        self.nominal = nominal
        self.hookup = hookup
        self._readings = readings
        self._sine = activation == "sine"
        self._error_a = error_a
        self._senses = [f"{hookup.digitizer}/{wire.channel}" for wire in hookup.senses]
        self._by_setting: dict[int, list[int]] = {}
        self._known: dict[tuple[object, ...], tuple[Any, Array]] = {}
        self.setting = np.array([each.setting for each in readings.experiments])
        for number, experiment in enumerate(readings.experiments):
            self._by_setting.setdefault(experiment.setting, []).append(number)

    @cached_property
    def tones(self) -> NDArray[np.bool_]:
        """(X,) mask of the experiments in which a tone is read: with an error current, or with a sine activation."""
        return np.array([self._sine or each.output is not None for each in self._readings.experiments])

    def volts(self, board: Wired, factor: Array, stuck_s: float | None = None, settings: int | None = None) -> Array:
        """Return the (X, C) readings of a board.

        The conductances are `factor` (E,) times the nominal ones; those of stuck edges are `factor` times `stuck_s`. If
        `settings` is given, only readings of that many settings are computed, and the others are 0.
        """
        siemens = self.siemens(board, stuck_s)[:settings] * factor
        key = id(board.network), tuple(board.wiring.sources.items()), siemens.tobytes()
        if key not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = board.network, self._of_nodes(board, siemens)
        return self._read(board, self._known[key][1])

    def expectation(self, board: Wired, siemens: Array) -> Expectation:
        """Return the readings and their derivatives at conductances (M, E)."""
        columns = self._columns(board)
        place = np.array([0 if node is None else node for node, _ in columns])
        factor = np.array([0.0 if node is None else factor for node, factor in columns])
        channels, edges = len(columns), siemens.shape[1]
        volts = np.zeros((len(self._readings.experiments), channels))
        by_edge = np.zeros((*volts.shape, edges))
        wanted = np.zeros((channels, len(board.network.nodes)))
        wanted[np.arange(channels), place] = factor
        solver = board.network.equilibrium()
        for setting, numbers in self._by_setting.items():
            solver.set_parameters(siemens[setting])
            played = [self._played(board, self._readings.experiments[number]) for number in numbers]
            states = np.atleast_2d(solver.states(np.concatenate([levels for levels, _ in played])))
            # One row for each state and channel.
            slopes = solver.gradient(np.repeat(states, channels, axis=0), np.tile(wanted, (len(states), 1)))
            slopes = slopes.reshape(len(states), channels, edges) * siemens[setting]
            row = 0
            for number, (levels, weights) in zip(numbers, played, strict=True):
                rows = slice(row, row + len(levels))
                volts[number] = factor * (weights @ states[rows])[place]
                by_edge[number] = np.tensordot(weights, slopes[rows], 1)
                row += len(levels)
        sign = self._signs(board)[:, np.newaxis]
        return Expectation(volts * sign, by_edge * sign[:, :, np.newaxis])

    def siemens(self, board: Wired, stuck_s: float | None = None) -> Array:
        """Return the (M, E) conductances of a board at the settings of the experiments."""
        place = {edge.name: column for column, edge in enumerate(self.hookup.edges)}
        changed = self._readings.siemens.copy()
        nominal = self.nominal.wiring
        if board.wiring.edges != nominal.edges:
            for channel, edge in board.wiring.edges.items():
                changed[:, place[edge]] = self._readings.siemens[:, place[nominal.edges[channel]]]
        for edge, factor in board.wiring.per_siemens.items():
            changed[:, place[edge]] *= factor / nominal.per_siemens.get(edge, 1.0)
        for edge in board.wiring.stuck:
            changed[:, place[edge]] = changed[:, place[edge]].mean() if stuck_s is None else stuck_s
        return changed

    def _of_nodes(self, board: Wired, siemens: Array) -> Array:
        found = np.zeros((len(self._readings.experiments), len(board.network.nodes)))
        solver = board.network.equilibrium()
        for setting in range(len(siemens)):
            numbers = self._by_setting[setting]
            solver.set_parameters(siemens[setting])
            played = [self._played(board, self._readings.experiments[number]) for number in numbers]
            states = np.atleast_2d(solver.states(np.concatenate([levels for levels, _ in played])))
            row = 0
            for number, (levels, weights) in zip(numbers, played, strict=True):
                found[number] = weights @ states[row : row + len(levels)]
                row += len(levels)
        return found

    def _played(self, board: Wired, experiment: Experiment) -> tuple[Array, Array]:
        """Return the (B, S) source voltages, and the weights (B,) with which their states add up to the reading."""
        rows = {source.node: row for row, source in enumerate(board.network.sources)}
        sources = board.wiring.sources
        levels = np.zeros(len(rows))
        for wire, volts in zip(self.hookup.inputs, experiment.activation, strict=True):
            levels[rows[sources[wire.label]]] = volts
        cosines = np.cos(2 * np.pi * np.arange(PHASES) / PHASES)
        if experiment.output is not None:
            wire = self.hookup.outputs[experiment.output]
            swing = np.zeros(len(rows))
            swing[rows[sources[wire.label]]] = self._error_a * wire.volts_per_ampere
            return (0.0 if self._sine else levels) + np.outer(cosines, swing), 2.0 / PHASES * cosines
        if self._sine:
            return np.outer(cosines, levels), 2.0 / PHASES * cosines
        return levels[np.newaxis], np.ones(1)

    def _columns(self, board: Wired) -> list[tuple[int | None, float]]:
        """Return the index of each channel's node (None if the channel is open), and its volts per unit of state."""
        index = {node: place for place, node in enumerate(board.network.nodes)}
        senses, sensors = board.wiring.senses, board.wiring.sensors
        return [(index[senses[label]] if label in senses else None, sensors.get(label, 1.0)) for label in self._senses]

    def _read(self, board: Wired, of_nodes: Array) -> Array:
        columns = [
            np.zeros(len(of_nodes)) if node is None else factor * of_nodes[:, node]
            for node, factor in self._columns(board)
        ]
        return np.stack(columns, axis=1) * self._signs(board)[:, np.newaxis]

    def _signs(self, board: Wired) -> Array:
        """Return the (X,) signs: −1 for experiments whose tones are read at the phase of an inverted pilot."""
        pilot = self._senses[self.hookup.pilot_column]
        sign = np.sign(_factor(board.wiring.sensors, pilot) / _factor(self.nominal.wiring.sensors, pilot))
        return np.where(self.tones, sign, 1.0)


def _factor(sensors: Mapping[str, float], label: str) -> float:
    return sensors.get(label, 1.0)
