"""Chord iteration: the samples of one window differ little, so one factorization serves them all.

Newton finds the operating point of the first one. From there every other sample moves by J⁻¹·r, with the Jacobian J of
the first and its own exact residual r. What is wrong with J is the change of each diode's slope between the two, by a
factor of at most exp(|u − u₀|/nVt); the error shrinks by that factor less one in each iteration.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labrig.network.resistive.solve.lapack import cholesky, solve_factored
from labrig.network.resistive.solve.problem import Problem, newton_step, residual

FloatArray = NDArray[np.float64]

FEWEST_LANES = 4
"""Below, factoring every sample costs no more."""

SLOWEST_CONTRACTION = 0.25
"""A sample whose error would shrink by less in an iteration is left to Newton."""

MOST_ITERATIONS = 12


def near(problem: Problem, current_a: FloatArray, centre_a: FloatArray) -> bool:
    """Whether no sample would move a diode by more than nVt from the centre if none conducted.

    Conducting, they move less.

    `current_a` (B, m) and `centre_a` (m,) are currents (A).
    """
    moves = np.abs((current_a - centre_a) @ problem.open_circuit)
    return bool((moves <= problem.diodes.slope_voltage_v).all())


def first_order(problem: Problem, current_a: FloatArray, centre_a: FloatArray, centre_v: FloatArray) -> FloatArray:
    """Voltages (B, m) of the samples `current_a` (B, m) if the network were linear around the solved one (m,)."""
    missing, slope_s = residual(problem, centre_a[None], centre_v[None], (centre_v @ problem.incidence)[None])
    return centre_v + newton_step(problem, slope_s, missing + current_a - centre_a)


def chord(
    problem: Problem, current_a: FloatArray, centre_a: FloatArray, centre_v: FloatArray, final_error_v: float
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Solve the samples near a solved one.

    Parameters
    ----------
    problem : Problem
    current_a : (B, m) array
        Currents pushed into the nodes (A).
    centre_a, centre_v : (m,) arrays
        Currents and voltages of the solved sample (A, V).
    final_error_v : float
        The error that may be left (V).

    Returns
    -------
    v : (B, m) array
        Voltages (V).
    found : (B,) array of bool
        Which samples have converged; the rows of the others mean nothing.
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
