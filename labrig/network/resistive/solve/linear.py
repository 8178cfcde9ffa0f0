"""The resistive part: elimination of the nodes that no diode touches (Kron reduction), exact for the others."""

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
    """A Cholesky factor (n, n)."""

    factor: FloatArray

    def solve(self, right: FloatArray) -> FloatArray:
        """Solution (n, K) for the right-hand sides (n, K)."""
        return solve_factored(self.factor, right)


@dataclass(frozen=True, slots=True, eq=False)
class SparseBlock:
    """A sparse factorization."""

    factor: SparseFactor

    def solve(self, right: FloatArray) -> FloatArray:
        """Solution (n, K) for the right-hand sides (n, K)."""
        return self.factor.solve(np.ascontiguousarray(right))


@dataclass(frozen=True, slots=True, eq=False)
class Reduction:
    """A linear network with its first `eliminated` nodes folded away (Kron), the exact same network for the rest.

    Node order: eliminated ones first, kept ones after. With everything eliminated it is a plain factored solve.
    """

    eliminated: int
    block: Block
    """The eliminated nodes, factored."""
    coupling: FloatArray
    """(eliminated, kept): eliminated block's inverse times its coupling to the kept nodes."""
    conductance_s: FloatArray
    """(kept, kept): what the kept nodes see."""

    def fold(self, current_a: FloatArray) -> FloatArray:
        """Currents into all nodes (B, N) → equivalent currents into the kept nodes (B, kept)."""
        if self.eliminated in (0, current_a.shape[1]):
            return current_a[:, self.eliminated :]
        return current_a[:, self.eliminated :] - current_a[:, : self.eliminated] @ self.coupling

    def expand(self, current_a: FloatArray, kept_v: FloatArray) -> FloatArray:
        """Voltages (B, N) of all nodes, from the currents into all and the voltages (B, kept) of the kept ones."""
        if self.eliminated == 0:
            return kept_v
        # Transposed, rows of the batch are LAPACK's columns: no copy.
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
            remedy="a node is all but floating: strengthen its path to ground, or narrow the range of conductances",
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
