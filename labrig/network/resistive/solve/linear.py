"""The resistive part: conductance matrix, Cholesky factor, and Kron reduction onto the nodes that diodes touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.network.physics import GROUND, NetworkError
from labrig.network.resistive.graph import Graph
from labrig.network.resistive.solve.lapack import cholesky, solve_factored

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ConductanceStamps:
    """Where each programmable edge enters the conductance matrix, so that a change of θ costs one pass over E."""

    fixed_s: FloatArray
    """(N, N): resistors and source conductances."""
    edge: NDArray[np.intp]
    place: NDArray[np.intp]
    sign: FloatArray

    def matrix(self, siemens: FloatArray) -> FloatArray:
        """The (N, N) conductance matrix (S) at the edge conductances `siemens` (E,)."""
        size = self.fixed_s.shape[0]
        added = np.bincount(self.place, weights=self.sign * siemens[self.edge], minlength=size * size)
        return self.fixed_s + added.reshape(size, size)


def conductance_stamps(graph: Graph, position: dict[str, int]) -> ConductanceStamps:
    """Stamps of `graph` with each node at `position[node]`."""
    size = len(position)
    edge, place, sign = _stamps([(edge.a, edge.b) for edge in graph.edges], position)
    fixed = [(resistor.a, resistor.b, 1.0 / resistor.ohm) for resistor in graph.resistors]
    fixed += [(source.node, GROUND, 1.0 / source.ohm) for source in graph.sources]
    element, fixed_place, fixed_sign = _stamps([(a, b) for a, b, _ in fixed], position)
    fixed_siemens = np.array([siemens for *_, siemens in fixed], dtype=float)
    fixed_s = np.zeros(size * size)
    np.add.at(fixed_s, fixed_place, fixed_sign * fixed_siemens[element])
    return ConductanceStamps(fixed_s.reshape(size, size), edge, place, sign)


def _stamps(
    branches: Sequence[tuple[str, str]], position: dict[str, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
    size = len(position)
    rows: list[tuple[int, int, float]] = []
    for number, ends in enumerate(branches):
        places = [(position[node], sign) for node, sign in zip(ends, (1.0, -1.0), strict=True) if node != GROUND]
        rows += [(number, i * size + j, sign_i * sign_j) for i, sign_i in places for j, sign_j in places]
    table = np.array(rows, dtype=float).reshape(-1, 3)
    return table[:, 0].astype(np.intp), table[:, 1].astype(np.intp), table[:, 2]


@dataclass(frozen=True, slots=True, eq=False)
class Reduction:
    """A linear network with its first `eliminated` nodes folded away (Kron), the exact same network for the rest.

    Node order: eliminated ones first, kept ones after. With everything eliminated it is a plain factored solve.
    """

    eliminated: int
    factor: FloatArray
    """Cholesky factor of the eliminated block."""
    coupling: FloatArray
    """(eliminated, kept): eliminated block's inverse times its coupling to the kept nodes."""
    conductance_s: FloatArray
    """(kept, kept): what the kept nodes see."""

    def fold(self, current_a: FloatArray) -> FloatArray:
        """Currents into all nodes (B, N) → equivalent currents into the kept nodes (B, kept)."""
        return current_a[:, self.eliminated :] - current_a[:, : self.eliminated] @ self.coupling

    def expand(self, current_a: FloatArray, kept_v: FloatArray) -> FloatArray:
        """Voltages (B, N) of all nodes, from the currents into all and the voltages (B, kept) of the kept ones."""
        if self.eliminated == 0:
            return kept_v
        # Transposed, rows of the batch are LAPACK's columns: no copy.
        solved = solve_factored(self.factor, current_a[:, : self.eliminated].T)
        if kept_v.shape[1] == 0:
            return solved.T
        voltages = np.empty_like(current_a)
        np.subtract(solved.T, kept_v @ self.coupling.T, out=voltages[:, : self.eliminated])
        voltages[:, self.eliminated :] = kept_v
        return voltages


def reduce(conductance_s: FloatArray, eliminated: int) -> Reduction:
    """Fold the first `eliminated` nodes of the (N, N) matrix `conductance_s` (S, symmetric positive definite) away.

    Raises NetworkError if the eliminated block is singular to working precision.
    """
    kept = conductance_s.shape[0] - eliminated
    if eliminated == 0:
        return Reduction(0, np.empty((0, 0)), np.empty((0, kept)), conductance_s)
    factor = cholesky(conductance_s[:eliminated, :eliminated])
    if factor is None:
        raise NetworkError(
            "the conductance matrix is singular to working precision",
            remedy="a node is all but floating: strengthen its path to ground, or narrow the range of conductances",
        )
    if kept == 0:
        return Reduction(eliminated, factor, np.empty((eliminated, 0)), np.empty((0, 0)))
    across = conductance_s[:eliminated, eliminated:]
    coupling = solve_factored(factor, across)
    seen = conductance_s[eliminated:, eliminated:] - across.T @ coupling
    return Reduction(eliminated, factor, coupling, 0.5 * (seen + seen.T))
