"""Factorization and solution by LAPACK and SuperLU.

LAPACK is called directly because the checks of scipy.linalg.cho_solve take ten times as long as the solution itself.
This is the only file that uses SciPy's untyped interface.
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
    """Solution (N, K) for the right-hand sides (N, K), from the factor that `cholesky` returned."""
    solution, _ = _potrs(factor, right, lower=1)
    return solution


class SparseFactor(Protocol):
    """A factored sparse matrix."""

    def solve(self, right: FloatArray, /) -> FloatArray:
        """Solution (N, K) for the right-hand sides (N, K)."""
        ...


def sparse_factor(values: FloatArray, rows: NDArray[np.intp], starts: NDArray[np.intp]) -> SparseFactor | None:
    """Factor a symmetric sparse matrix in compressed-column format; None if it is not positive definite.

    Parameters
    ----------
    values, rows : (entries,) arrays
        The entries and their rows, column by column.
    starts : (N + 1,) array
        Index of the first entry of each column, followed by the number of entries.
    """
    # Imported here because the import takes 0.1 s, and small boards never need it.
    from scipy.sparse import csc_matrix
    from scipy.sparse.linalg import splu

    size = len(starts) - 1
    matrix = csc_matrix((values, rows, starts), shape=(size, size))
    try:
        # Symmetric mode with diagonal pivots, so that the elimination order keeps the fill-in small.
        factor = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    except RuntimeError:
        return None
    return factor if (factor.U.diagonal() > 0).all() else None
