"""From a gradient to what is written: a float shadow of every conductance, rounded to levels the part can hold.

An update below half a level step is not lost: it stays in the shadow. Without one, small updates never reach a level.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labrig.instruments.data import Continuous, Level, LevelTable, Setting, Target

Array = NDArray[np.float64]


class ShadowUpdate:
    """Gradient descent on the shadow, nearest realizable level with hysteresis on the board.

    levels: per edge, what its channel realizes within the configured range.
    initial: (E,) conductances (S) to begin with.
    span: s of the rate's definition, the width of the configured range (S).
    loss_scale: L₀. rate: dimensionless. total_steps: where a linear decay reaches zero; None keeps the rate.
    hysteresis: a level is left only when the next one is nearer by this fraction of their distance.
    """

    def __init__(
        self,
        levels: Sequence[LevelTable | Continuous],
        initial: Array,
        *,
        span: float,
        loss_scale: float,
        rate: float,
        total_steps: int | None,
        hysteresis: float,
    ) -> None:
        self.levels = tuple(levels)
        self._codes, self._siemens, self._low, self._high = _stack(levels)
        self.shadow = np.clip(initial, self._low, self._high)
        self._position = None if self._siemens is None else _nearest(self._siemens, self.shadow)
        self._factor = rate * span**2 / loss_scale
        self._total_steps = total_steps
        self._hysteresis = hysteresis
        self.steps = 0

    @property
    def conductances(self) -> Array:
        """(E,) nominal conductance of what is written now (S)."""
        if self._siemens is None:
            return self.shadow.copy()
        return np.take_along_axis(self._siemens, self._position[:, None], axis=1)[:, 0]

    @property
    def saturated(self) -> float:
        """Share of edges whose shadow stands at an end of the range."""
        return float(np.mean((self.shadow <= self._low) | (self.shadow >= self._high)))

    def settings(self) -> dict[int, Setting]:
        """The setting of every edge as it stands."""
        return {edge: self._setting(edge) for edge in range(len(self.shadow))}

    def apply(self, gradient: Array) -> dict[int, Setting]:
        """Take one step down the gradient of the loss (E,), and return the settings that change."""
        remaining = 1.0 if self._total_steps is None else max(0.0, 1.0 - self.steps / self._total_steps)
        self.steps += 1
        moved = np.clip(self.shadow - self._factor * remaining * gradient, self._low, self._high)
        if self._siemens is None:
            changed = np.flatnonzero(moved != self.shadow)
            self.shadow = moved
        else:
            self.shadow = moved
            wanted = _nearest(self._siemens, moved)
            here = np.take_along_axis(self._siemens, self._position[:, None], axis=1)[:, 0]
            there = np.take_along_axis(self._siemens, wanted[:, None], axis=1)[:, 0]
            nearer = np.abs(moved - here) - np.abs(moved - there)
            changed = np.flatnonzero((wanted != self._position) & (nearer > self._hysteresis * np.abs(here - there)))
            self._position[changed] = wanted[changed]
        return {int(edge): self._setting(int(edge)) for edge in changed}

    def _setting(self, edge: int) -> Setting:
        if self._codes is None:
            return Target(float(self.shadow[edge]))
        return Level(int(self._codes[edge, self._position[edge]]))


def _stack(levels: Sequence[LevelTable | Continuous]) -> tuple:
    """(E, L) codes and conductances, padded with the highest level, and the ends of every channel's range."""
    tables = [entry for entry in levels if isinstance(entry, LevelTable)]
    if len(tables) not in (0, len(levels)):
        raise ValueError("channels with levels and continuous channels cannot be mixed in one update")
    if not tables:
        low = np.array([entry.minimum for entry in levels if isinstance(entry, Continuous)])
        high = np.array([entry.maximum for entry in levels if isinstance(entry, Continuous)])
        return None, None, low, high
    width = max(len(table.codes) for table in tables)
    codes = np.array([np.pad(table.codes, (0, width - len(table.codes)), mode="edge") for table in tables])
    siemens = np.array([np.pad(table.siemens, (0, width - len(table.siemens)), mode="edge") for table in tables])
    return codes, siemens, siemens[:, 0], siemens[:, -1]


def _nearest(siemens: Array, values: Array) -> NDArray[np.intp]:
    """(E,) position of the level nearest to each value."""
    upper = np.clip((siemens < values[:, None]).sum(axis=1), 1, siemens.shape[1] - 1)
    edges = np.arange(len(values))
    below, above = siemens[edges, upper - 1], siemens[edges, upper]
    return np.where(values - below < above - values, upper - 1, upper)


def within(levels: LevelTable | Continuous, low: float, high: float) -> LevelTable | Continuous:
    """The part of what a channel realizes that lies in [low, high] (S)."""
    if isinstance(levels, Continuous):
        return Continuous(max(low, levels.minimum), min(high, levels.maximum))
    keep = (levels.siemens >= low) & (levels.siemens <= high)
    return LevelTable(levels.codes[keep], levels.siemens[keep])
