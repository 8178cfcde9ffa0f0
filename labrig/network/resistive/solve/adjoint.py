"""Exact gradients at an operating point: one solve with the Jacobian there (the adjoint method)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labrig.network.resistive.junctions import diode_current
from labrig.network.resistive.solve.linear import Reduction
from labrig.network.resistive.solve.problem import Problem, newton_step

FloatArray = NDArray[np.float64]


def adjoint(reduction: Reduction, problem: Problem | None, v: FloatArray, output_gradient: FloatArray) -> FloatArray:
    """λ = −H⁻¹·dC/dv (B, N) at the operating points `v` (B, N), for the cost gradients dC/dv (B, N).

    H = G + D·g(v)·Dᵀ is the Hessian of the co-content; `problem` is None if there are no diodes. λ is the linear
    response to the error current −dC/dv, which is what frequency propagation measures as b/γ.
    """
    injected = -output_gradient
    folded = reduction.fold(injected)
    if problem is None:
        return reduction.expand(injected, folded)
    _, slope = diode_current(v[:, reduction.eliminated :] @ problem.incidence, problem.diodes)
    return reduction.expand(injected, newton_step(problem, slope, folded))
