"""The length of a Newton step δ, chosen by the slope φ'(α) = −r(v + αδ)·δ, or by the decrease of E as a fallback.

A diode's slope changes by less than a factor exp(|du|/nVt) over a move du. Hence a move with |αdu| ≤ nVt at every
diode ("the bend is at most 1") lowers E by at least 0.28·α·|φ'(0)| and ends with a slope of at most 0.72·|φ'(0)|. Such
a move is accepted without a test, because near the solution a test would only compare rounding errors. The decrease of
E guarantees convergence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.network.resistive.junctions import DiodeArrays
from labrig.network.resistive.solve.problem import Problem, energy, residual

FloatArray = NDArray[np.float64]

STEEPEST_END = 0.9
"""A step of length α is accepted if r(v + αδ)·δ ≥ −0.9·r·δ."""

SAFE_BEND = 1.0
SECANT_TRIALS = 40
ARMIJO = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """The lines v + αδ of B samples."""

    problem: Problem
    current_a: FloatArray
    v: FloatArray
    step: FloatArray
    bend: FloatArray
    """(B,) largest |du|/nVt of any diode for the full step."""
    descent: FloatArray
    """(B,) |φ'(0)| = r·δ (W)."""

    def lanes(self, chosen: NDArray[np.bool_]) -> Line:
        """The lines of the chosen samples only; `chosen` (B,) is a mask."""
        return Line(
            self.problem,
            self.current_a[chosen],
            self.v[chosen],
            self.step[chosen],
            self.bend[chosen],
            self.descent[chosen],
        )

    def at(self, alpha: FloatArray) -> FloatArray:
        """Voltages (B, m) at the fractions α (B,) of the full step."""
        return self.v + alpha[:, None] * self.step

    def slope(self, alpha: FloatArray) -> FloatArray:
        """(B,) slope φ'(α) (W) at the fractions α (B,) of the full step."""
        v = self.at(alpha)
        missing, _ = residual(self.problem, self.current_a, v, v @ self.problem.incidence)
        return -np.einsum("bi,bi->b", missing, self.step)


def junction_limit(u: FloatArray, du: FloatArray, diodes: DiodeArrays) -> FloatArray:
    """(B,) largest fraction α ≤ 1 of the move `du` (B, K) that takes no diode past SPICE's limit (pnjlim).

    A diode whose move exceeds 2·nVt and ends above its critical voltage may move only by about the logarithm of that
    move.
    """
    slope_voltage, critical = diodes.slope_voltage_v, diodes.critical_voltage_v
    long = (u + du > critical) & (du > 2.0 * slope_voltage)
    rise = np.where(long, du, 1.0)
    limit = np.where(u > 0, u + slope_voltage * np.log1p(rise / slope_voltage), critical)
    part = np.where(long, (np.maximum(limit, critical) - u) / rise, 1.0)
    return np.minimum(part.min(axis=1), 1.0)


def too_steep(line: Line, alpha: FloatArray, end_slope: FloatArray) -> NDArray[np.bool_]:
    """(B,) mask of the steps of length `alpha` that end too steeply, with φ'(α) = `end_slope` above 0.9·|φ'(0)|.

    A step that is so short that its bend is at most 1 is never too steep.
    """
    return (end_slope > STEEPEST_END * line.descent) & (alpha * line.bend > SAFE_BEND)


def by_slope(line: Line, tried: FloatArray, tried_slope: FloatArray) -> FloatArray | None:
    """Lengths (B,) with |φ'(α)| ≤ 0.9·|φ'(0)|, by a bracketed secant search; None if it fails for any sample.

    `tried` (B,) are lengths that were too steep, and `tried_slope` (B,) is φ' there.
    """
    allowed = STEEPEST_END * line.descent
    low, high = np.zeros_like(tried), tried
    slope_low, slope_high = -line.descent, tried_slope
    alpha = tried
    searching = np.ones(len(tried), dtype=bool)
    for _ in range(SECANT_TRIALS):
        width = high - low
        secant = low - slope_low * width / (slope_high - slope_low)
        alpha = np.where(searching, np.clip(secant, low + 0.1 * width, low + 0.5 * width), alpha)
        slope = line.slope(alpha)
        searching &= (np.abs(slope) > allowed) & (alpha * line.bend > SAFE_BEND)
        if not searching.any():
            return alpha
        beyond = slope > 0
        low, slope_low = np.where(beyond, low, alpha), np.where(beyond, slope_low, slope)
        high, slope_high = np.where(beyond, alpha, high), np.where(beyond, slope, slope_high)
    return None


def by_decrease(line: Line) -> FloatArray:
    """Lengths (B,) that lower E in proportion to α (Armijo's rule), by halving.

    With this rule, Newton's method converges from any start on a strictly convex E. The halving always ends, because
    a step with a bend of at most 1 is accepted without a test.
    """
    start = energy(line.problem, line.current_a, line.v)
    alpha = np.ones(len(line.v))
    while True:
        lower = energy(line.problem, line.current_a, line.at(alpha)) <= start - ARMIJO * alpha * line.descent
        accepted = lower | (alpha * line.bend <= SAFE_BEND)
        if accepted.all():
            return alpha
        alpha = np.where(accepted, alpha, 0.5 * alpha)
