"""Factor and solve by LAPACK and SuperLU: scipy.linalg.cho_solve spends ten times the solve on its own checks here.

This is the only file that sees SciPy's untyped side.
"""

# pyright: basic
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

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


class SparseFactor(Protocol):
    """A factored sparse matrix."""

    def solve(self, right: FloatArray, /) -> FloatArray:
        """Solution (N, K) for the right-hand sides (N, K)."""
        ...


def sparse_factor(values: FloatArray, rows: NDArray[np.intp], starts: NDArray[np.intp]) -> SparseFactor | None:
    """Factor a symmetric sparse matrix in compressed columns; None if it is not positive definite.

    Parameters
    ----------
    values, rows : (entries,) arrays
        The entries and their rows, column by column.
    starts : (N + 1,) array
        Where each column starts.
    """
    # Here, because importing it takes 0.1 s and small boards never need it.
    from scipy.sparse import csc_matrix
    from scipy.sparse.linalg import splu

    size = len(starts) - 1
    matrix = csc_matrix((values, rows, starts), shape=(size, size))
    try:
        # Symmetric mode with diagonal pivots: the order of elimination keeps the fill small.
        factor = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    except RuntimeError:
        return None
    return factor if (factor.U.diagonal() > 0).all() else None
