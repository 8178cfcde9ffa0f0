"""Finds the edges that deviate more than their uncertainty explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtri

Array = NDArray[np.float64]

LEVEL = 0.002
"""Probability that a test finds any edge of a correct board wrong. It applies to each test: against the exact gradient
and against differences, in single examples and over all of them."""


@dataclass(frozen=True)
class EdgeTest:
    """A test of every edge over the examples.

    Parameters
    ----------
    deviation : (M, E) array
        Measured minus expected.
    expected : (M, E) array
    noise : (M, E) array
        Part of the standard uncertainty of the deviation that is independent from example to example.
    systematic : (M, E) array
        Part of the standard uncertainty that the examples may have in common.
    tolerance : (M, E) array
        Deviation that is accepted even if it is significant.
    modes : (M, Q, E) array
        Systematic deviations that many edges share, one standard deviation each, not included in `systematic`.
    of_expected : (M, E) array
        Standard uncertainty of `expected`. `tolerance` already allows for it, so it enters only z and χ².
    """

    deviation: Array
    expected: Array
    noise: Array
    systematic: Array
    tolerance: Array
    modes: Array
    of_expected: Array

    @property
    def uncertainty(self) -> Array:
        """(M, E) combined standard uncertainty of the deviation."""
        return np.sqrt(self.noise**2 + self._shared**2)

    @property
    def z(self) -> Array:
        """(M, E) deviation in standard uncertainties; 0 where the deviation is zero."""
        return _ratio(self.deviation, np.hypot(self.uncertainty, self.of_expected))

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """(E,) True for edges that deviate beyond the tolerance by more than their uncertainty explains."""
        examples, edges = self.deviation.shape
        excess = _ratio(np.maximum(np.abs(self.deviation) - self.tolerance, 0.0), self.uncertainty)
        alone = excess.max(axis=0) > -ndtri(LEVEL / (2 * examples * edges))
        # All examples together reveal an edge with a wrong factor: noise averages out, shared uncertainty does not.
        weight = np.abs(self.expected)
        off = np.abs(np.sum(self.deviation * self.expected, axis=0)) - np.sum(self.tolerance * weight, axis=0)
        known = np.linalg.norm(self.noise * weight, axis=0) + np.sum(self._shared * weight, axis=0)
        return alone | (_ratio(np.maximum(off, 0.0), known) > -ndtri(LEVEL / (2 * edges)))

    @property
    def chi_squared(self) -> tuple[float, int, float]:
        """χ² of all edges in all examples, its degrees of freedom, and the probability of a larger χ²."""
        own = np.sqrt(self.noise**2 + self.systematic**2 + self.of_expected**2)
        if not own.all():
            total = float(np.sum(np.minimum(np.abs(self.z), 1e100) ** 2))
        else:
            rows = zip(self.deviation / own, self.modes / own[:, np.newaxis], strict=True)
            total = sum(_without_modes(deviation, modes) for deviation, modes in rows)
        return total, self.deviation.size, float(chdtrc(self.deviation.size, total))

    @property
    def _shared(self) -> Array:
        return np.sqrt(self.systematic**2 + np.sum(self.modes**2, axis=1))


def _without_modes(deviation: Array, modes: Array) -> float:
    """dᵀ (1 + Σ mᵀm)⁻¹ d for a deviation (E,) and modes (Q, E) in units of the independent uncertainty."""
    along = modes @ deviation
    return float(deviation @ deviation - along @ np.linalg.solve(np.eye(len(modes)) + modes @ modes.T, along))


def _ratio(deviation: Array, uncertainty: Array) -> Array:
    """Return deviation / uncertainty, infinite where only the uncertainty is 0, and 0 where both are."""
    known = uncertainty > 0
    ratio = np.divide(deviation, uncertainty, out=np.zeros_like(deviation), where=known)
    ratio[~known & (deviation != 0)] = np.inf
    return ratio
