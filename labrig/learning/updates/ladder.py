"""The levels of all edges as arrays, so that a step of thousands of edges takes only a few array operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.instruments.data import Continuous, LevelTable, distinct

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Ladder:
    """The levels of E channels; channels of one part share a table.

    Attributes
    ----------
    codes, siemens : (T, L) arrays
        Codes and conductances (S) of every table, padded with its highest level.
    table : (E,) int array
        The table of each channel.
    """

    codes: NDArray[np.int64]
    siemens: Array
    table: NDArray[np.intp]


def stacked(levels: Sequence[LevelTable | Continuous]) -> Ladder | None:
    """The levels of all channels as one ladder, or None if the channels are continuous."""
    tables = [entry for entry in levels if isinstance(entry, LevelTable)]
    if not tables:
        return None
    if len(tables) != len(levels):
        raise ValueError("channels with levels and continuous channels cannot be mixed in one update")
    different = distinct(tables)
    place = {key: row for row, key in enumerate(different)}
    width = max(len(table.codes) for table in different.values())

    codes = np.zeros((len(different), width), dtype=np.int64)
    siemens = np.zeros((len(different), width))
    for row, table in enumerate(different.values()):
        count = len(table.codes)
        codes[row, :count], codes[row, count:] = table.codes, table.codes[-1]
        siemens[row, :count], siemens[row, count:] = table.siemens, table.siemens[-1]
    return Ladder(codes, siemens, np.array([place[id(table)] for table in tables], dtype=np.intp))


def ends(levels: Sequence[LevelTable | Continuous]) -> tuple[Array, Array]:
    """(E,) lowest and highest conductance of every channel."""
    ends = [
        (entry.siemens[0], entry.siemens[-1]) if isinstance(entry, LevelTable) else (entry.minimum, entry.maximum)
        for entry in levels
    ]
    low, high = np.array(ends, dtype=float).T
    return low, high


def at(ladder: Ladder, position: NDArray[np.intp]) -> Array:
    """(E,) conductance of the level at each edge's position (S)."""
    return ladder.siemens[ladder.table, position]


def nearest(ladder: Ladder, values: Array) -> NDArray[np.intp]:
    """(E,) position of the level nearest to each value."""
    width = ladder.siemens.shape[1]
    upper = np.minimum(np.maximum(_smaller(ladder, values), 1), width - 1)
    below, above = at(ladder, upper - 1), at(ladder, upper)
    return np.where(values - below < above - values, upper - 1, upper)


def below(ladder: Ladder, values: Array) -> NDArray[np.intp]:
    """(E,) position of the lower of the two levels that enclose each value; at an end, of the two nearest levels."""
    last = np.array([np.argmax(row) for row in ladder.siemens])[ladder.table]  # the padding repeats the highest
    return np.clip(_smaller(ladder, values) - 1, 0, np.maximum(last - 1, 0))


def _smaller(ladder: Ladder, values: Array) -> NDArray[np.intp]:
    """(E,) number of levels below each value, by bisection."""
    if len(ladder.siemens) == 1:
        return np.searchsorted(ladder.siemens[0], values)
    width = ladder.siemens.shape[1]
    found = np.zeros(len(values), dtype=np.intp)
    step = 1 << (width.bit_length() - 1)
    while step:
        further = found + step
        inside = np.minimum(further, width) - 1
        found = np.where((further <= width) & (at(ladder, inside) < values), further, found)
        step >>= 1
    return found


def within(levels: LevelTable | Continuous, low: float, high: float) -> LevelTable | Continuous:
    """The levels, or the continuous range, of a channel restricted to [low, high] (S)."""
    if isinstance(levels, Continuous):
        return Continuous(max(low, levels.minimum), min(high, levels.maximum), levels.tolerance)
    keep = (levels.siemens >= low) & (levels.siemens <= high)
    return LevelTable(levels.codes[keep], levels.siemens[keep], levels.tolerance)
