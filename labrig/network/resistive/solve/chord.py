"""Chord iteration: the samples of one window differ little, so a single factorization serves all of them.

Newton's method finds the operating point of the first sample. From there, every other sample is iterated with steps
J⁻¹·r, where J is the Jacobian of the first sample and r the exact residual of the sample itself. J is inexact because
the slope of each diode differs between the two samples, by a factor of at most exp(|u − u₀|/nVt). In each iteration the
error is therefore multiplied by at most that factor minus one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labrig.network.resistive.solve.lapack import cholesky, solve_factored
from labrig.network.resistive.solve.problem import Problem, newton_step, residual

FloatArray = NDArray[np.float64]

FEWEST_LANES = 4
"""Smallest number of samples for which chord iteration is faster than factoring every sample."""

SLOWEST_CONTRACTION = 0.25
"""Largest factor of the error per iteration; a sample that converges more slowly is solved by Newton's method."""

MOST_ITERATIONS = 12


def near(problem: Problem, current_a: FloatArray, centre_a: FloatArray) -> bool:
    """Whether every sample is near the centre: no diode's drop would change by more than nVt if no diode conducted.

    If diodes conduct, their drops change less. `current_a` (B, m) and `centre_a` (m,) are currents (A).
    """
    moves = np.abs((current_a - centre_a) @ problem.open_circuit)
    return bool((moves <= problem.diodes.slope_voltage_v).all())


def first_order(problem: Problem, current_a: FloatArray, centre_a: FloatArray, centre_v: FloatArray) -> FloatArray:
    """Voltages (B, m) of the samples `current_a` (B, m), linearized around the solved sample with voltages (m,)."""
    missing, slope_s = residual(problem, centre_a[None], centre_v[None], (centre_v @ problem.incidence)[None])
    return centre_v + newton_step(problem, slope_s, missing + current_a - centre_a)


def chord(
    problem: Problem, current_a: FloatArray, centre_a: FloatArray, centre_v: FloatArray, final_error_v: float
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Solve samples near a sample that is already solved.

    Parameters
    ----------
    problem : Problem
    current_a : (B, m) array
        Currents pushed into the nodes (A).
    centre_a, centre_v : (m,) arrays
        Currents and voltages of the solved sample (A, V).
    final_error_v : float
        Allowed remaining error (V).

    Returns
    -------
    v : (B, m) array
        Voltages (V).
    found : (B,) array of bool
        Mask of the samples that have converged; the rows of all others are meaningless.
    """
    drops = centre_v @ problem.incidence
    missing, slope_s = residual(problem, centre_a[None], centre_v[None], drops[None])
    jacobian = problem.conductance_s + (problem.incidence * slope_s[0]) @ problem.incidence.T
    factor = cholesky(jacobian)
    lanes = np.arange(len(current_a))
    v = np.empty_like(current_a)
    found = np.zeros(len(current_a), dtype=bool)
    if factor is None:
        return v, found
    here = centre_v + solve_factored(factor, (missing + current_a - centre_a).T).T
    current = current_a
    for _ in range(MOST_ITERATIONS):
        u = here @ problem.incidence
        missing, _ = residual(problem, current, here, u)
        step = solve_factored(factor, missing.T).T
        here = here + step
        # The step itself shrinks from one iteration to the next, so a bound on the last step's error is enough.
        away = (np.abs(u - drops) + np.abs(step @ problem.incidence)) / problem.diodes.slope_voltage_v
        contraction = np.expm1(np.minimum(away.max(axis=1), 1.0))
        left = contraction * np.abs(step).max(axis=1)
        converged = (left <= final_error_v) & (contraction <= SLOWEST_CONTRACTION)
        v[lanes[converged]], found[lanes[converged]] = here[converged], True
        going = ~converged & (contraction <= SLOWEST_CONTRACTION)
        if not going.any():
            break
        if not going.all():
            lanes, current, here = lanes[going], current[going], here[going]
    return v, found
