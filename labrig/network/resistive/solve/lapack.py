"""Cholesky factor and solve by LAPACK itself: scipy.linalg.cho_solve spends ten times the solve on its own checks here.

This is the only file that sees SciPy's untyped side.
"""

# pyright: basic
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import get_lapack_funcs

FloatArray = NDArray[np.float64]

_ROUTINES: Sequence[Callable[..., Any]] = get_lapack_funcs(("potrf", "potrs"), dtype=np.float64)
_potrf, _potrs = _ROUTINES


def cholesky(matrix: FloatArray) -> FloatArray | None:
    """Lower Cholesky factor (N, N) of a symmetric matrix; None if it is not positive definite."""
    factor, info = _potrf(matrix, lower=1, clean=0)
    return factor if info == 0 else None


def solve_factored(factor: FloatArray, right: FloatArray) -> FloatArray:
    """Solution (N, K) for the right-hand sides (N, K), from the factor that `cholesky` gave."""
    solution, _ = _potrs(factor, right, lower=1)
    return solution
