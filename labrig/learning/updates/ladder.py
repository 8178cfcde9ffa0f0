"""The levels of all edges as one array, so that a step of thousands of edges is a few array operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.instruments.data import Continuous, LevelTable

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Ladder:
    """(E, L) codes and conductances of every channel, padded with the highest level."""

    codes: NDArray[np.int64]
    siemens: Array


def stacked(levels: Sequence[LevelTable | Continuous]) -> Ladder | None:
    """The levels of all channels as one ladder, or None if the channels are continuous."""
    tables = [entry for entry in levels if isinstance(entry, LevelTable)]
    if not tables:
        return None
    if len(tables) != len(levels):
        raise ValueError("channels with levels and continuous channels cannot be mixed in one update")
    width = max(len(table.codes) for table in tables)

    codes = np.zeros((len(tables), width), dtype=np.int64)
    siemens = np.zeros((len(tables), width))
    for row, table in enumerate(tables):
        count = len(table.codes)
        codes[row, :count], codes[row, count:] = table.codes, table.codes[-1]
        siemens[row, :count], siemens[row, count:] = table.siemens, table.siemens[-1]
    return Ladder(codes, siemens)


def ends(levels: Sequence[LevelTable | Continuous]) -> tuple[Array, Array]:
    """(E,) lowest and highest conductance of every channel."""
    ends = [
        (entry.siemens[0], entry.siemens[-1]) if isinstance(entry, LevelTable) else (entry.minimum, entry.maximum)
        for entry in levels
    ]
    low, high = np.array(ends, dtype=float).T
    return low, high


def at(siemens: Array, position: NDArray[np.intp]) -> Array:
    """(E,) conductance of each edge's level."""
    return siemens[np.arange(len(position)), position]


def nearest(siemens: Array, values: Array) -> NDArray[np.intp]:
    """(E,) position of the level nearest to each value."""
    smaller: NDArray[np.intp] = (siemens < values[:, None]).sum(axis=1)
    upper = np.minimum(np.maximum(smaller, 1), siemens.shape[1] - 1)
    edges = np.arange(len(values))
    below, above = siemens[edges, upper - 1], siemens[edges, upper]
    return np.where(values - below < above - values, upper - 1, upper)


def within(levels: LevelTable | Continuous, low: float, high: float) -> LevelTable | Continuous:
    """The part of what a channel realizes that lies in [low, high] (S)."""
    if isinstance(levels, Continuous):
        return Continuous(max(low, levels.minimum), min(high, levels.maximum), levels.tolerance)
    keep = (levels.siemens >= low) & (levels.siemens <= high)
    return LevelTable(levels.codes[keep], levels.siemens[keep], levels.tolerance)
