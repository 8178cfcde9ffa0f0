"""Solution of many different samples of one problem by the compiled code of lanes.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labrig.network.resistive.junctions import LINEAR_ABOVE_A
from labrig.network.resistive.solve.chord import FEWEST_LANES
from labrig.network.resistive.solve.elimination import elimination
from labrig.network.resistive.solve.problem import Problem, first_guess

FloatArray = NDArray[np.float64]

COMPILED_FROM = 10_000
"""Smallest product of samples, diodes and nodes for which the compiled code is used. Smaller problems take a few
milliseconds without it, whereas importing numba takes half a second and 100 MB."""

FEWEST_SAMPLES = 40
"""Fewer samples are solved without compiled code, which takes some 10 ms on a board with a hundred diodes."""

ALWAYS_FROM = 5_000_000
"""Product of samples, diodes and nodes from which compiled code is used for any number of samples."""


def samples_for_compiled(diodes: int, nodes: int) -> int:
    """Return the smallest number of samples for which the compiled code is used."""
    each = max(1, diodes * nodes)
    usual = max(FEWEST_SAMPLES, -(-COMPILED_FROM // each))
    return max(FEWEST_LANES, min(usual, -(-ALWAYS_FROM // each)))


def many(
    problem: Problem, current_a: FloatArray, final_error: float, quadratic_bend: float, smallest_v: float
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Solve the samples `current_a` (B, m); return the voltages (B, m), and whether each sample has converged (B,)."""
    # Imported here because importing numba takes half a second. Numba infers types that pyright does not know.
    from labrig.network.resistive.solve.lanes import LANES, walk  # pyright: ignore[reportUnknownVariableType]

    ends = problem.incidence != 0
    pattern = (problem.conductance_s != 0) | (ends.astype(float) @ ends.T.astype(float) > 0)
    plan = elimination(pattern)
    place = np.empty(len(plan.order) + 1, dtype=np.int64)
    place[plan.order], place[-1] = np.arange(len(plan.order)), -1
    anode, cathode = (place[_row(problem.incidence == sign)] for sign in (1.0, -1.0))
    ordered = problem.conductance_s[np.ix_(plan.order, plan.order)]
    columns = np.repeat(np.arange(len(plan.order)), np.diff(plan.starts))
    length = -(-len(current_a) // LANES)
    firsts = np.minimum(np.arange(LANES) * length, len(current_a) - 1)
    diodes = problem.diodes
    table = np.stack(
        [
            diodes.saturation_current_a,
            diodes.slope_voltage_v,
            diodes.series_resistance_ohm,
            diodes.gmin_s,
            diodes.knee_v,
            diodes.reverse_below_v,
            np.full(len(diodes), LINEAR_ABOVE_A),
            diodes.omega_offset,
        ],
        axis=1,
    )
    found, solved = walk(
        np.ascontiguousarray(current_a[:, plan.order]),
        np.ascontiguousarray(first_guess(problem, current_a[firsts])[:, plan.order]),
        np.ascontiguousarray(ordered.diagonal()),
        ordered[plan.rows, columns],
        plan.starts,
        plan.rows,
        plan.targets,
        anode,
        cathode,
        plan.entries(anode, cathode),
        table,
        final_error,
        quadratic_bend,
        smallest_v,
    )
    v = np.empty_like(found)
    v[:, plan.order] = found
    return v, solved


def _row(chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Row of the True entry in each column; −1 if there is none."""
    return np.where(chosen.any(axis=0), chosen.argmax(axis=0), -1)
