"""From a gradient to what is written: a float shadow of every conductance, rounded to levels the part can hold.

An update below half a level step is not lost: it stays in the shadow. Without one, small updates never reach a level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
        self._ladder = _stack(levels)
        self._low, self._high = _ends(levels)
        self.shadow = np.clip(initial, self._low, self._high)
        self._position = _nearest(self._ladder.siemens, self.shadow) if self._ladder else np.zeros(0, dtype=np.intp)
        self._factor = rate * span**2 / loss_scale
        self._total_steps = total_steps
        self._hysteresis = hysteresis
        self.steps = 0

    @property
    def conductances(self) -> Array:
        """(E,) nominal conductance of what is written now (S)."""
        return self.shadow.copy() if self._ladder is None else _at(self._ladder.siemens, self._position)

    @property
    def saturated(self) -> float:
        """Share of edges whose shadow stands at an end of the range."""
        return float(np.mean((self.shadow <= self._low) | (self.shadow >= self._high)))

    def state(self) -> UpdateState:
        """Where the update stands, to come back to with `restore`."""
        return UpdateState(self.shadow.copy(), self._position.copy(), self.steps)

    def restore(self, state: UpdateState) -> None:
        """Forget every step taken since `state`."""
        self.shadow, self._position, self.steps = state.shadow.copy(), state.position.copy(), state.steps

    def settings(self) -> dict[int, Setting]:
        """The setting of every edge as it stands."""
        return {edge: self._setting(edge) for edge in range(len(self.shadow))}

    def apply(self, gradient: Array) -> dict[int, Setting]:
        """Take one step down the gradient of the loss (E,), and return the settings that change."""
        remaining = 1.0 if self._total_steps is None else max(0.0, 1.0 - self.steps / self._total_steps)
        self.steps += 1
        moved = np.minimum(np.maximum(self.shadow - self._factor * remaining * gradient, self._low), self._high)
        if self._ladder is None:
            changed = np.flatnonzero(moved != self.shadow)
        else:
            siemens = self._ladder.siemens
            wanted = _nearest(siemens, moved)
            here, there = _at(siemens, self._position), _at(siemens, wanted)
            nearer = np.abs(moved - here) - np.abs(moved - there)
            changed = np.flatnonzero((wanted != self._position) & (nearer > self._hysteresis * np.abs(here - there)))
            self._position[changed] = wanted[changed]
        self.shadow = moved
        return {int(edge): self._setting(int(edge)) for edge in changed}

    def _setting(self, edge: int) -> Setting:
        if self._ladder is None:
            return Target(float(self.shadow[edge]))
        return Level(int(self._ladder.codes[edge, self._position[edge]]))


@dataclass(frozen=True)
class UpdateState:
    """shadow: (E,) S. position: (E,) of each edge's level. steps: taken so far."""

    shadow: Array
    position: NDArray[np.intp]
    steps: int


@dataclass(frozen=True)
class _Ladder:
    """(E, L) codes and conductances of every channel, padded with the highest level."""

    codes: NDArray[np.int64]
    siemens: Array


def _stack(levels: Sequence[LevelTable | Continuous]) -> _Ladder | None:
    """The ladders of all channels, or None where they are continuous."""
    tables = [entry for entry in levels if isinstance(entry, LevelTable)]
    if not tables:
        return None
    if len(tables) != len(levels):
        raise ValueError("channels with levels and continuous channels cannot be mixed in one update")
    width = max(len(table.codes) for table in tables)

    def padded(values: NDArray) -> NDArray:
        return np.pad(values, (0, width - len(values)), mode="edge")

    return _Ladder(
        np.array([padded(table.codes) for table in tables]), np.array([padded(table.siemens) for table in tables])
    )


def _ends(levels: Sequence[LevelTable | Continuous]) -> tuple[Array, Array]:
    """(E,) lowest and highest conductance of every channel."""
    ends = [
        (entry.siemens[0], entry.siemens[-1]) if isinstance(entry, LevelTable) else (entry.minimum, entry.maximum)
        for entry in levels
    ]
    low, high = np.array(ends, dtype=float).T
    return low, high


def _at(siemens: Array, position: NDArray[np.intp]) -> Array:
    """(E,) conductance of each edge's level."""
    return siemens[np.arange(len(position)), position]


def _nearest(siemens: Array, values: Array) -> NDArray[np.intp]:
    """(E,) position of the level nearest to each value."""
    upper = np.minimum(np.maximum((siemens < values[:, None]).sum(axis=1), 1), siemens.shape[1] - 1)
    edges = np.arange(len(values))
    below, above = siemens[edges, upper - 1], siemens[edges, upper]
    return np.where(values - below < above - values, upper - 1, upper)


def within(levels: LevelTable | Continuous, low: float, high: float) -> LevelTable | Continuous:
    """The part of what a channel realizes that lies in [low, high] (S)."""
    if isinstance(levels, Continuous):
        return Continuous(max(low, levels.minimum), min(high, levels.maximum))
    keep = (levels.siemens >= low) & (levels.siemens <= high)
    return LevelTable(levels.codes[keep], levels.siemens[keep])
