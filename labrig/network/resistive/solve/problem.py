"""The reduced network that Newton's method solves: its residual, Jacobian and energy.

The solution minimizes the strictly convex E(v) = ½vᵀAv + ΣΨ(Dᵀv) − sᵀv, where A is the reduced conductance matrix of
the kept nodes, D the incidence matrix of the diodes, Ψ the co-content of a diode, and s the injected currents.
Functions work on a batch of B samples ("lanes").
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
    """The m kept nodes and the K diodes between them."""

    conductance_s: FloatArray
    """A (m, m), symmetric positive definite."""
    incidence: FloatArray
    """D (m, K): +1 at the anode, −1 at the cathode."""
    diodes: DiodeArrays
    stamps: FloatArray | None
    """(K, m·m) rank-one stamp of every diode, for small networks; see `diode_stamps`."""
    open_circuit: FloatArray
    """A⁻¹D (m, K), from injected currents to the drops of the diodes if no diode conducted."""
    seen_by: DiodeArrays
    """Every diode in series with the resistance of the network as seen from that diode."""
    known: dict[bytes, FloatArray] = field(default_factory=dict[bytes, FloatArray])
    """Cache of the operating points (m,) of single samples, by their currents: most are needed again."""


def posed(conductance_s: FloatArray, incidence: FloatArray, diodes: DiodeArrays, stamps: FloatArray | None) -> Problem:
    """Prepare the problem at these conductances, with all quantities that depend only on them."""
    open_circuit = np.linalg.solve(conductance_s, incidence).astype(np.float64, copy=False)
    seen_ohm = np.einsum("ik,ik->k", incidence, open_circuit)
    return Problem(conductance_s, incidence, diodes, stamps, open_circuit, behind_resistance(diodes, seen_ohm))


def first_guess(problem: Problem, current_a: FloatArray) -> FloatArray:
    """Voltages (B, m) from one linear solution, with every diode replaced by its tangent.

    The tangent is taken at the current that the diode would carry if it were the only one. It would then see a Thevenin
    source, so it would be a diode with a larger series resistance, for which there is a closed solution. The guess is
    accurate if the diodes hardly interact; otherwise it is only a start for Newton's method.
    """
    alone_a, _ = diode_current(current_a @ problem.open_circuit, problem.seen_by)
    slope_s, at = tangent(alone_a, problem.diodes)
    missing = current_a - (alone_a - slope_s * at) @ problem.incidence.T
    return newton_step(problem, slope_s, missing)


def diode_stamps(incidence: FloatArray) -> FloatArray | None:
    """(K, m·m) stamp of each diode in the Jacobian; None if this table would be large."""
    size, count = incidence.shape
    if count * size * size > LARGEST_STAMP_TABLE:
        return None
    return np.einsum("id,jd->dij", incidence, incidence).reshape(count, size * size)


def residual(problem: Problem, current_a: FloatArray, v: FloatArray, u: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Residual currents r = s − Av − D·i of the nodes (B, m) in A, and slopes of the diodes (B, K) in S.

    `current_a` (B, m) are the injected currents s, and `u` = v @ incidence are the drops of the diodes.
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
    """(B,) energy E(v) (W)."""
    stored = diode_cocontent(v @ problem.incidence, problem.diodes).sum(axis=1)
    return np.einsum("bi,bi->b", v, 0.5 * v @ problem.conductance_s - current_a) + stored
