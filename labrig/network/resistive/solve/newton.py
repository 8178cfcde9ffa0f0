"""Guarded Newton's method for the nodes with diodes, for many samples at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labrig.network.physics import NetworkError
from labrig.network.resistive.solve.chord import FEWEST_LANES, chord, first_order, near
from labrig.network.resistive.solve.line_search import SAFE_BEND, Line, by_decrease, by_slope, junction_limit, too_steep
from labrig.network.resistive.solve.many import many, samples_for_compiled
from labrig.network.resistive.solve.problem import Problem, first_guess, newton_step, residual

FloatArray = NDArray[np.float64]

FINAL_ERROR = 1e-12
"""Newton's method ends when the error that remains after a step, estimated as du²/(2·nVt), is below this fraction of
full scale. At 1 V the last step is then below 2.3e-7 V across every diode."""

CHORD_ERROR = 1e-14
"""The same limit for chord iteration, whose steps are cheap. It is so tight that the solution of a sample does not
depend on the other samples in the batch, apart from rounding."""

SMALLEST_FULL_SCALE_V = 1e-6
MOST_KNOWN = 64
CHORD_ABOVE = 12
"""Largest number of nodes for which factoring every sample is faster than chord iteration, which takes more steps."""

QUADRATIC_BEND = 0.1
"""The estimate du²/(2·nVt) holds for |du|/nVt well below 1."""

SLOPE_ITERATIONS = 60
"""Iterations that choose their length by slope (hard networks need about 20); all later ones use the decrease of E."""

MOST_ITERATIONS = 500
LARGEST_BATCH_ENTRIES = 1 << 22
"""Largest number of entries of the stacked Jacobians solved at once (32 MB); larger batches are split."""


def operating_points(problem: Problem, current_a: FloatArray) -> FloatArray:
    """Voltages (B, m) of the operating points when the currents `current_a` (B, m) are injected into the kept nodes.

    Samples near the first one start from its operating point (see chord.py), others from their own `first_guess`. The
    result depends only on the arguments. Raises NetworkError if a sample does not converge.
    """
    batch = len(current_a)
    if batch == 0:
        return np.empty_like(current_a)
    if batch == 1:
        return _single(problem, current_a[0])[np.newaxis]
    if batch < FEWEST_LANES or not near(problem, current_a, current_a[0]):
        return _far_apart(problem, current_a)
    centre_a, centre_v = current_a[0], _single(problem, current_a[0])
    if current_a.shape[1] <= CHORD_ABOVE:
        v = _newton(problem, current_a[1:], first_order(problem, current_a[1:], centre_a, centre_v))
        return np.concatenate((centre_v[np.newaxis], v))
    left = CHORD_ERROR * max(float(np.abs(centre_v).max()), SMALLEST_FULL_SCALE_V)
    v, found = chord(problem, current_a, centre_a, centre_v, left)
    v[0], found[0] = centre_v, True
    if not found.all():
        v[~found] = _far_apart(problem, current_a[~found])
    return v


def _single(problem: Problem, current_a: FloatArray) -> FloatArray:
    """Operating point (m,) at the currents (m,)."""
    key = current_a.tobytes()
    if key not in problem.known:
        if len(problem.known) >= MOST_KNOWN:
            problem.known.clear()
        problem.known[key] = _from_first_guess(problem, current_a[np.newaxis])[0]
    return problem.known[key]


def _far_apart(problem: Problem, current_a: FloatArray) -> FloatArray:
    """Solve samples that differ much; by compiled code if there are many."""
    if len(current_a) < samples_for_compiled(len(problem.diodes), current_a.shape[1]):
        return _from_first_guess(problem, current_a)
    v, found = many(problem, current_a, FINAL_ERROR, QUADRATIC_BEND, SMALLEST_FULL_SCALE_V)
    if not found.all():
        v[~found] = _from_first_guess(problem, current_a[~found])
    return v


def _from_first_guess(problem: Problem, current_a: FloatArray) -> FloatArray:
    """Solve every sample from its own first guess, large batches in parts."""
    batch, size = current_a.shape
    part = max(1, LARGEST_BATCH_ENTRIES // (size * size))
    return np.concatenate(
        [
            _newton(problem, current_a[first : first + part], first_guess(problem, current_a[first : first + part]))
            for first in range(0, batch, part)
        ]
    )


def _newton(problem: Problem, current_a: FloatArray, v: FloatArray) -> FloatArray:
    found = np.empty_like(current_a)
    lanes = np.arange(len(current_a))
    u = v @ problem.incidence
    missing, slope_s = residual(problem, current_a, v, u)
    for iteration in range(MOST_ITERATIONS):
        step = newton_step(problem, slope_s, missing)
        du = step @ problem.incidence
        target = v + step
        bend, converged = _judge(problem, target, du)
        if converged.any():
            found[lanes[converged]] = target[converged]
            going = ~converged
            lanes = lanes[going]
            if len(lanes) == 0:
                return found
            current_a, v, u, missing = current_a[going], v[going], u[going], missing[going]
            step, du, target, bend = step[going], du[going], target[going], bend[going]

        alpha = np.ones(len(lanes))
        if iteration == 0:
            alpha = junction_limit(u, du, problem.diodes)
            target = v + alpha[:, None] * step
        u = target @ problem.incidence
        next_missing, slope_s = residual(problem, current_a, target, u)
        if (alpha * bend).max() > SAFE_BEND:
            line = Line(problem, current_a, v, step, bend, np.einsum("bi,bi->b", missing, step))
            shorter = _shortened(line, alpha, -np.einsum("bi,bi->b", next_missing, step), iteration)
            if shorter is not alpha:
                target = line.at(shorter)
                u = target @ problem.incidence
                next_missing, slope_s = residual(problem, current_a, target, u)
        v, missing = target, next_missing
    raise NetworkError(
        f"no operating point found for {len(lanes)} of {len(found)} samples",
        action="solving the diode network",
        limit=f"{MOST_ITERATIONS} Newton iterations",
        remedy="check for conductances or drives that are many orders of magnitude apart",
    )


def _judge(problem: Problem, target: FloatArray, du: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Largest |du|/nVt of every sample, and whether the error remaining after the step to `target` is small enough."""
    move = np.abs(du)
    relative = move / problem.diodes.slope_voltage_v
    bend = relative.max(axis=1)
    left = 0.5 * (relative * move).max(axis=1)
    scale = np.maximum(np.abs(target).max(axis=1), SMALLEST_FULL_SCALE_V)
    return bend, (left <= FINAL_ERROR * scale) & (bend <= QUADRATIC_BEND)


def _shortened(line: Line, alpha: FloatArray, end_slope: FloatArray, iteration: int) -> FloatArray:
    """The lengths `alpha`, shortened for the samples that need it; `alpha` itself if none does."""
    if iteration >= SLOPE_ITERATIONS:
        return by_decrease(line)
    steep = too_steep(line, alpha, end_slope)
    if not steep.any():
        return alpha
    part = line.lanes(steep)
    found = by_slope(part, alpha[steep], end_slope[steep])
    shorter = alpha.copy()
    shorter[steep] = by_decrease(part) if found is None else found
    return shorter
