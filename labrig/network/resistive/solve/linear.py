"""The linear part: elimination of the nodes without diodes (Kron reduction), which is exact for the other nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labrig.network.physics import NetworkError
from labrig.network.resistive.solve.lapack import SparseFactor, cholesky, solve_factored, sparse_factor
from labrig.network.resistive.solve.stamps import ConductanceStamps

FloatArray = NDArray[np.float64]


class Block(Protocol):
    """The factored conductance matrix of n eliminated nodes."""

    def solve(self, right: FloatArray, /) -> FloatArray:
        """Solution (n, K) for the right-hand sides (n, K)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class DiagonalBlock:
    """Eliminated nodes that are not connected to one another."""

    siemens: FloatArray

    def solve(self, right: FloatArray) -> FloatArray:
        """Solution (n, K) for the right-hand sides (n, K)."""
        return right / self.siemens[:, np.newaxis]


@dataclass(frozen=True, slots=True, eq=False)
class DenseBlock:
    """Eliminated nodes with a dense Cholesky factor (n, n)."""

    factor: FloatArray

    def solve(self, right: FloatArray) -> FloatArray:
        """Solution (n, K) for the right-hand sides (n, K)."""
        return solve_factored(self.factor, right)


@dataclass(frozen=True, slots=True, eq=False)
class SparseBlock:
    """Eliminated nodes with a sparse factorization."""

    factor: SparseFactor

    def solve(self, right: FloatArray) -> FloatArray:
        """Solution (n, K) for the right-hand sides (n, K)."""
        return self.factor.solve(np.ascontiguousarray(right))


@dataclass(frozen=True, slots=True, eq=False)
class Reduction:
    """A linear network whose first `eliminated` nodes are eliminated (Kron reduction), without error for the others.

    The eliminated nodes come first, then the kept nodes. If all nodes are eliminated, this is a plain factorization.
    """

    eliminated: int
    block: Block
    """Factored conductance matrix of the eliminated nodes."""
    coupling: FloatArray
    """(eliminated, kept) product of the inverse of the eliminated block and its coupling to the kept nodes."""
    conductance_s: FloatArray
    """(kept, kept) reduced conductance matrix of the kept nodes (S)."""

    def fold(self, current_a: FloatArray) -> FloatArray:
        """Equivalent currents into the kept nodes (B, kept), from the currents into all nodes (B, N)."""
        if self.eliminated in (0, current_a.shape[1]):
            return current_a[:, self.eliminated :]
        return current_a[:, self.eliminated :] - current_a[:, : self.eliminated] @ self.coupling

    def expand(self, current_a: FloatArray, kept_v: FloatArray) -> FloatArray:
        """Voltages (B, N) of all nodes, from the currents into all nodes and the voltages (B, kept) of kept nodes."""
        if self.eliminated == 0:
            return kept_v
        # Transposed, because then rows of the batch are columns of LAPACK without a copy.
        solved = self.block.solve(current_a[:, : self.eliminated].T)
        if kept_v.shape[1] == 0:
            return solved.T
        voltages = np.empty_like(current_a)
        np.subtract(solved.T, kept_v @ self.coupling.T, out=voltages[:, : self.eliminated])
        voltages[:, self.eliminated :] = kept_v
        return voltages


def reduce(stamps: ConductanceStamps, siemens: FloatArray) -> Reduction:
    """Eliminate the first nodes of a network with the edge conductances `siemens` (E,).

    Raises NetworkError if the eliminated block is singular to working precision.
    """
    eliminated, kept = stamps.eliminated, stamps.kept
    outer = stamps.outer.values(siemens).reshape(kept, kept)
    if eliminated == 0:
        return Reduction(0, DiagonalBlock(np.empty(0)), np.empty((0, kept)), outer)
    block = _factored(stamps, siemens)
    if block is None:
        raise NetworkError(
            "the conductance matrix is singular to working precision",
            remedy="a node is almost floating: strengthen its path to ground, or narrow the range of conductances",
        )
    if kept == 0:
        return Reduction(eliminated, block, np.empty((eliminated, 0)), np.empty((0, 0)))
    across = stamps.across.values(siemens).reshape(eliminated, kept)
    coupling = block.solve(across)
    seen = outer - across.T @ coupling
    return Reduction(eliminated, block, coupling, 0.5 * (seen + seen.T))


def _factored(stamps: ConductanceStamps, siemens: FloatArray) -> Block | None:
    """The eliminated block, or None if it is not positive definite."""
    entries = stamps.inner.values(siemens)
    if stamps.storage == "diagonal":
        return DiagonalBlock(entries) if (entries > 0).all() else None
    if stamps.storage == "sparse":
        sparse = sparse_factor(entries, stamps.rows, stamps.starts)
        return None if sparse is None else SparseBlock(sparse)
    dense = cholesky(entries.reshape(stamps.eliminated, stamps.eliminated))
    return None if dense is None else DenseBlock(dense)
