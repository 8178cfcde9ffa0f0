"""The order in which the nodes of a sparse network are eliminated, and the resulting entries of the factor.

The order is of minimum degree: the next node is always the one with the fewest neighbours among the remaining nodes.
The order depends only on the sparsity pattern, so it is computed once for each pattern.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

IndexArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Elimination:
    """Storage of L in A = L·diag(d)·Lᵀ: the entries below the diagonal, column by column.

    Attributes
    ----------
    order : (m,) int array
        The nodes in the order of their elimination.
    starts, rows : (m + 1,) and (entries,) int arrays
        Index of the first entry of each column, and the row of each entry.
    targets : int array
        Index of the entry from which the product of a pair of entries is subtracted, for every pair of entries in each
        column, column by column.
    """

    order: IndexArray
    starts: IndexArray
    rows: IndexArray
    targets: IndexArray

    def entries(self, first: IndexArray, second: IndexArray) -> IndexArray:
        """Index of the entry at each pair of places; −1 if there is none (on the diagonal, or for a negative place)."""
        where = _places(self.starts, self.rows)
        pairs = zip(np.minimum(first, second).tolist(), np.maximum(first, second).tolist(), strict=True)
        return np.array([where.get((low, high), -1) for low, high in pairs], dtype=np.int64)


def elimination(pattern: NDArray[np.bool_]) -> Elimination:
    """Return the elimination for a symmetric sparsity pattern (m, m)."""
    return _elimination(np.packbits(pattern).tobytes(), len(pattern))


@lru_cache(maxsize=16)
def _elimination(packed: bytes, size: int) -> Elimination:
    pattern = np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=size * size).reshape(size, size)
    neighbours = {node: set(np.flatnonzero(row).tolist()) - {node} for node, row in enumerate(pattern)}
    order: list[int] = []
    below: list[list[int]] = []
    while neighbours:
        node = min(neighbours, key=lambda each: len(neighbours[each]))
        around = neighbours.pop(node)
        for other in around:
            neighbours[other] |= around
            neighbours[other] -= {node, other}
        order.append(node)
        below.append(list(around))
    place = {node: number for number, node in enumerate(order)}
    columns = [sorted(place[node] for node in around) for around in below]
    starts = np.cumsum([0, *map(len, columns)])
    rows = np.array([row for column in columns for row in column], dtype=np.int64)
    where = _places(starts, rows)
    targets = [
        where[column[p], column[q]] for column in columns for p in range(len(column)) for q in range(p + 1, len(column))
    ]
    return Elimination(np.array(order), starts, rows, np.array(targets, dtype=np.int64))


def _places(starts: IndexArray, rows: IndexArray) -> dict[tuple[int, int], int]:
    """Index of the entry at each (column, row)."""
    columns = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    return {pair: entry for entry, pair in enumerate(zip(columns.tolist(), rows.tolist(), strict=True))}
