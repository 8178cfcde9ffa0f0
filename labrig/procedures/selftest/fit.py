"""How well a board explains the readings if parts, gains and zeros may deviate within their known uncertainties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.assembly.wired import Wired
from labrig.procedures.selftest.model import Expectation, Model

Array = NDArray[np.float64]

WIDE = 1.5
"""Standard deviation of the logarithm of an unknown conductance."""

ITERATIONS = 4

FEW = 3
"""Number of settings of the edges in the first look at a fault."""


@dataclass(frozen=True)
class Deviations:
    """Standard deviations of everything that may differ from board to board.

    Attributes
    ----------
    parts : (E,) array
        Standard deviation of the logarithm of each conductance.
    gain : float
        Relative standard deviation of the gain of a channel.
    zero_v : float
        Standard deviation of the zero of a channel (V); it affects levels only.
    noise : (X, C) array
        Standard deviation of each reading from all other causes (V).
    """

    parts: Array
    gain: float
    zero_v: float
    noise: Array


@dataclass(frozen=True)
class Fit:
    """χ² of a board, the factors (E,) by which its conductances deviate, and the normalized residuals (X, C)."""

    chi2: float
    factor: Array
    residual: Array


@dataclass(frozen=True)
class Looks:
    """Linear estimates of χ² without a new fit, for all readings or for those of the first `FEW` settings."""

    volts: Array
    weights: Array
    spread: Array
    of_readings: dict[bool, tuple[Array, Array, NDArray[np.bool_]]]

    def chi2(self, volts: Array, factor: Array, whole: bool = True) -> float:
        """Estimate the χ² of a board with these expected readings (X, C), if parts may deviate.

        `factor` (E,) are the deviations of conductances that the expected readings already contain.
        """
        rows, inverse, counts = self.of_readings[whole]
        residual = ((self.volts - volts) * self.weights * counts).ravel()
        begun = np.zeros_like(self.spread)
        begun[: len(factor)] = np.log(factor) / self.spread[: len(factor)]
        along = rows.T @ residual - begun / self.spread
        return float(residual @ residual + begun @ begun - along @ inverse @ along)


class Fits:
    """Fits boards to the readings (X, C); `used` (X, C) is True for readings that enter the fit."""

    def __init__(self, model: Model, volts: Array, deviations: Deviations, used: NDArray[np.bool_]) -> None:
        self._model = model
        self._volts = volts
        self._deviations = deviations
        self._weights = used / deviations.noise

    def looks(self, base: Expectation) -> Looks:
        """Return quick estimates of χ² near a board with the expected readings `base`."""
        every = np.ones(len(self._model.setting), dtype=bool)
        return Looks(
            self._volts,
            self._weights,
            self._spread(()),
            {True: self._look(base, every), False: self._look(base, self._model.setting < FEW)},
        )

    def _look(self, base: Expectation, counts: NDArray[np.bool_]) -> tuple[Array, Array, NDArray[np.bool_]]:
        rows = self._rows(base.volts, base.by_edge) * np.repeat(counts, base.volts.shape[1])[:, np.newaxis]
        inverse: Array = np.linalg.inv(rows.T @ rows + np.diag(1.0 / self._spread(()) ** 2)).astype(np.float64)
        return rows, inverse, counts[:, np.newaxis]

    def of(self, board: Wired, siemens: Array, free: tuple[int, ...] = ()) -> Fit:
        """Fit a board with nominal conductances (M, E); the conductances of the edges `free` are unknown."""
        spread = self._spread(free)
        edges, channels = siemens.shape[1], self._volts.shape[1]
        found = np.zeros(edges + 2 * channels)
        best = np.inf, found, np.zeros_like(self._volts)
        step = np.zeros_like(found)
        for _ in range(ITERATIONS):
            expected = self._model.expectation(board, siemens * np.exp(found[:edges]))
            gains = 1.0 + found[edges : edges + channels]
            zeros = np.where(self._model.tones[:, np.newaxis], 0.0, found[edges + channels :])
            residual = (self._volts - gains * expected.volts - zeros) * self._weights
            chi2 = float(np.sum(residual**2) + np.sum((found / spread) ** 2))
            if chi2 > best[0]:
                step = 0.5 * step
                found = best[1] + step
                continue
            converged = best[0] - chi2 < 0.5
            best = chi2, found, residual
            if converged:
                break
            rows = self._rows(expected.volts, expected.by_edge)
            normal = rows.T @ rows + np.diag(1.0 / spread**2)
            step = np.linalg.solve(normal, rows.T @ residual.ravel() - found / spread**2)
            step[:edges] = np.clip(step[:edges], -1.0, 1.0)
            found = found + step
        return Fit(best[0], np.exp(best[1][:edges]), best[2])

    def _spread(self, free: tuple[int, ...]) -> Array:
        channels = self._volts.shape[1]
        parts = self._deviations.parts.copy()
        parts[list(free)] = WIDE
        gain, zero = self._deviations.gain, self._deviations.zero_v
        return np.concatenate((parts, np.full(channels, gain), np.full(channels, zero)))

    def _rows(self, volts: Array, by_edge: Array) -> Array:
        """Return the (X·C, E + 2C) derivatives of readings / noise with respect to ln conductance, gain and zero."""
        experiments, channels = volts.shape
        gains = np.zeros((experiments, channels, channels))
        zeros = np.zeros_like(gains)
        each = np.arange(channels)
        gains[:, each, each] = volts
        zeros[:, each, each] = ~self._model.tones[:, np.newaxis]
        rows = np.concatenate((by_edge, gains, zeros), axis=2) * self._weights[:, :, np.newaxis]
        return rows.reshape(experiments * channels, -1)
