"""Conductance matrices in blocks, so that a change of conductances takes a single pass over the edges.

Nodes are in two groups: first the eliminated nodes, then the kept nodes. The eliminated block is stored as a
diagonal if no element connects two of its nodes (inputs and outputs around one hidden layer), as a sparse matrix if it
is large and nearly empty (grids), and otherwise as a full matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from labrig.network.physics import GROUND
from labrig.network.resistive.graph import Graph

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]
Storage = Literal["diagonal", "sparse", "dense"]

SPARSE_NODES = 150
"""Smallest number of eliminated nodes for which a sparse factorization is faster, if their matrix is nearly empty."""

SPARSE_ENTRIES = 8
"""Largest mean number of entries per row of a matrix that is factored as a sparse one: elimination adds entries."""


@dataclass(frozen=True, slots=True, eq=False)
class StampTable:
    """The contributions of programmable edges to an array of matrix entries.

    Contribution k adds sign[k] times the conductance of edge[k] to the entry place[k].
    """

    fixed_s: FloatArray
    """Contributions of resistors and sources to all entries (S)."""
    edge: IndexArray
    place: IndexArray
    sign: FloatArray

    def values(self, siemens: FloatArray) -> FloatArray:
        """The entries (S) at the edge conductances `siemens` (E,)."""
        if not len(self.edge):
            return self.fixed_s
        added = np.bincount(self.place, weights=self.sign * siemens[self.edge], minlength=len(self.fixed_s))
        return self.fixed_s + added


@dataclass(frozen=True, slots=True, eq=False)
class ConductanceStamps:
    """The blocks of the conductance matrix of n eliminated and m kept nodes.

    Attributes
    ----------
    eliminated, kept : int
        n and m.
    storage : {'diagonal', 'sparse', 'dense'}
        Storage format of the eliminated block.
    rows, starts : int arrays
        Row indices and column pointers (CSC format) of a sparse eliminated block.
    inner, across, outer : StampTable
        Entries of the eliminated block, of its coupling to the kept nodes (n, m), and of the kept block (m, m).
    """

    eliminated: int
    kept: int
    storage: Storage
    rows: IndexArray
    starts: IndexArray
    inner: StampTable
    across: StampTable
    outer: StampTable


@dataclass(frozen=True, slots=True, eq=False)
class _Entries:
    """Contributions to the matrix, each with element number, row, column and sign."""

    element: IndexArray
    row: IndexArray
    column: IndexArray
    sign: FloatArray

    def chosen(self, which: NDArray[np.bool_]) -> _Entries:
        return _Entries(self.element[which], self.row[which], self.column[which], self.sign[which])


def conductance_stamps(graph: Graph, position: dict[str, int], eliminated: int) -> ConductanceStamps:
    """Return the stamps of `graph`, with each node at `position[node]` and the eliminated nodes first."""
    kept = len(position) - eliminated
    fixed = [(resistor.a, resistor.b, 1.0 / resistor.ohm) for resistor in graph.resistors]
    fixed += [(source.node, GROUND, 1.0 / source.ohm) for source in graph.sources]
    fixed_s = np.array([siemens for *_, siemens in fixed], dtype=float)
    both = (
        _entries([(edge.a, edge.b) for edge in graph.edges], position),
        _entries([(a, b) for a, b, _ in fixed], position),
    )

    def block(row_kept: bool, column_kept: bool) -> tuple[_Entries, _Entries]:
        edges, others = (
            each.chosen(((each.row >= eliminated) == row_kept) & ((each.column >= eliminated) == column_kept))
            for each in both
        )
        return edges, others

    inner = block(False, False)
    keys = np.concatenate([each.column * eliminated + each.row for each in inner])
    unique = np.unique(np.concatenate((keys, np.arange(eliminated) * (eliminated + 1))))
    storage = _storage(eliminated, len(unique))
    rows, starts = np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    if storage == "diagonal":
        places, size = [each.row for each in inner], eliminated
    elif storage == "sparse":
        places = [np.searchsorted(unique, each.column * eliminated + each.row) for each in inner]
        size, rows = len(unique), unique % eliminated
        starts = np.searchsorted(unique // eliminated, np.arange(eliminated + 1))
    else:
        places, size = [each.row * eliminated + each.column for each in inner], eliminated**2

    def table(entries: tuple[_Entries, _Entries], places: Sequence[IndexArray], size: int) -> StampTable:
        edges, others = entries
        constant = np.zeros(size)
        np.add.at(constant, places[1], others.sign * fixed_s[others.element])
        return StampTable(constant, edges.element, places[0], edges.sign)

    across, outer = block(False, True), block(True, True)
    return ConductanceStamps(
        eliminated,
        kept,
        storage,
        rows,
        starts,
        table(inner, places, size),
        table(across, [each.row * kept + each.column - eliminated for each in across], eliminated * kept),
        table(outer, [(each.row - eliminated) * kept + each.column - eliminated for each in outer], kept * kept),
    )


def _storage(nodes: int, entries: int) -> Storage:
    if entries == nodes:
        return "diagonal"
    return "sparse" if nodes >= SPARSE_NODES and entries <= SPARSE_ENTRIES * nodes else "dense"


def _entries(branches: Sequence[tuple[str, str]], position: dict[str, int]) -> _Entries:
    rows: list[tuple[int, int, int, float]] = []
    for number, ends in enumerate(branches):
        places = [(position[node], sign) for node, sign in zip(ends, (1.0, -1.0), strict=True) if node != GROUND]
        rows += [(number, i, j, sign_i * sign_j) for i, sign_i in places for j, sign_j in places]
    table = np.array(rows, dtype=float).reshape(-1, 4)
    element, row, column = table[:, :3].T.astype(np.intp)
    return _Entries(element, row, column, table[:, 3])
