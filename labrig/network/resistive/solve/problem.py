"""The reduced network that Newton works on: its residual, Jacobian and energy.

It minimizes the strictly convex E(v) = ½vᵀAv + ΣΨ(Dᵀv) − sᵀv, A the conductances seen by the kept nodes, D the diode
incidence, Ψ the diodes' co-content, s the currents pushed in. Everything is for a batch of B samples ("lanes").
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labrig.network.resistive.junctions import (
    DiodeArrays,
    behind_resistance,
    diode_cocontent,
    diode_current,
    tangent,
)

FloatArray = NDArray[np.float64]

LARGEST_STAMP_TABLE = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Kept nodes (m) and the diodes (K) between them."""

    conductance_s: FloatArray
    """A (m, m), symmetric positive definite."""
    incidence: FloatArray
    """D (m, K): +1 at the anode, −1 at the cathode."""
    diodes: DiodeArrays
    stamps: FloatArray | None
    """(K, m·m): every diode's rank-one stamp, for small networks; see `diode_stamps`."""
    open_circuit: FloatArray
    """A⁻¹D (m, K): currents to the drops that the diodes would see if none conducted."""
    seen_by: DiodeArrays
    """Every diode with the resistance of the network, as it sees it, in series."""
    known: dict[bytes, FloatArray] = field(default_factory=dict[bytes, FloatArray])
    """Operating points (m,) that were computed for single samples, by their currents: most are asked for again."""


def posed(conductance_s: FloatArray, incidence: FloatArray, diodes: DiodeArrays, stamps: FloatArray | None) -> Problem:
    """The problem at these conductances, with what only depends on them."""
    open_circuit = np.linalg.solve(conductance_s, incidence).astype(np.float64, copy=False)
    seen_ohm = np.einsum("ik,ik->k", incidence, open_circuit)
    return Problem(conductance_s, incidence, diodes, stamps, open_circuit, behind_resistance(diodes, seen_ohm))


def first_guess(problem: Problem, current_a: FloatArray) -> FloatArray:
    """Voltages (B, m) from one linear solve, every diode replaced by its tangent where it would sit on its own.

    On its own a diode sees a Thevenin source, which makes it a diode with more series resistance, and that has a
    closed solution. Accurate if diodes hardly interact; otherwise it only starts Newton.
    """
    alone_a, _ = diode_current(current_a @ problem.open_circuit, problem.seen_by)
    slope_s, at = tangent(alone_a, problem.diodes)
    missing = current_a - (alone_a - slope_s * at) @ problem.incidence.T
    return newton_step(problem, slope_s, missing)


def diode_stamps(incidence: FloatArray) -> FloatArray | None:
    """Stamp of each diode in the Jacobian as a row (m·m,), or None if that table would be large."""
    size, count = incidence.shape
    if count * size * size > LARGEST_STAMP_TABLE:
        return None
    return np.einsum("id,jd->dij", incidence, incidence).reshape(count, size * size)


def residual(problem: Problem, current_a: FloatArray, v: FloatArray, u: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Current r = s − Av − D·i (A) missing at every node (B, m), and slope (S) of every diode (B, K).

    `current_a` (B, m) are the currents s pushed in, `u` = v @ incidence the diode drops.
    """
    diode_a, slope_s = diode_current(u, problem.diodes)
    missing = current_a - v @ problem.conductance_s
    missing -= diode_a @ problem.incidence.T
    return missing, slope_s


def newton_step(problem: Problem, slope_s: FloatArray, missing_a: FloatArray) -> FloatArray:
    """J⁻¹r (B, m) with J = A + D·g·Dᵀ at the diode slopes `slope_s` (B, K), for the residuals `missing_a` (B, m)."""
    size = problem.conductance_s.shape[0]
    if problem.stamps is not None:
        jacobian = (slope_s @ problem.stamps).reshape(-1, size, size)
    else:
        jacobian = (problem.incidence * slope_s[:, None, :]) @ problem.incidence.T
    jacobian += problem.conductance_s
    return np.linalg.solve(jacobian, missing_a[:, :, None])[:, :, 0].astype(np.float64, copy=False)


def energy(problem: Problem, current_a: FloatArray, v: FloatArray) -> FloatArray:
    """E(v) (W), (B,)."""
    stored = diode_cocontent(v @ problem.incidence, problem.diodes).sum(axis=1)
    return np.einsum("bi,bi->b", v, 0.5 * v @ problem.conductance_s - current_a) + stored
