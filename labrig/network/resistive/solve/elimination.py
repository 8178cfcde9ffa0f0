"""In what order to eliminate the nodes of a sparse network, and which entries of its factor that touches.

The order is one of minimum degree: of the nodes that are left, the one with the fewest neighbours comes next. It
depends on the pattern alone, so it is computed once for each pattern.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

IndexArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Elimination:
    """How L of A = L·diag(d)·Lᵀ is stored: the entries below the diagonal, column by column.

    Attributes
    ----------
    order : (m,) int array
        The node that is eliminated at each place.
    starts, rows : (m + 1,) and (entries,) int arrays
        Where each column starts, and the row of each entry.
    targets : int array
        For each column and each pair of its entries, the entry that their product is subtracted from, in that order.
    """

    order: IndexArray
    starts: IndexArray
    rows: IndexArray
    targets: IndexArray

    def entries(self, first: IndexArray, second: IndexArray) -> IndexArray:
        """Entry of each pair of places, −1 for none (a pair on the diagonal, or a negative place)."""
        where = _places(self.starts, self.rows)
        pairs = zip(np.minimum(first, second).tolist(), np.maximum(first, second).tolist(), strict=True)
        return np.array([where.get((low, high), -1) for low, high in pairs], dtype=np.int64)


def elimination(pattern: NDArray[np.bool_]) -> Elimination:
    """Order the nodes of a symmetric pattern (m, m)."""
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
    """The entry of each (column, row)."""
    columns = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    return {pair: entry for entry, pair in enumerate(zip(columns.tolist(), rows.tolist(), strict=True))}
