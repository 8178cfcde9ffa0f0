"""Gradient descent on a floating-point shadow of every conductance, which is rounded to the levels of the part.

An update smaller than half the distance between levels is not lost: it stays in the shadow. Without a shadow, small
updates would never reach the next level.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import override

from labrig.config.section import Section
from labrig.instruments.data import Continuous, Level, LevelTable, Setting, Target
from labrig.learning.updates.ladder import Ladder, at, ends, nearest, stacked
from labrig.learning.updates.update import Rate, Update, UpdateState

Array = NDArray[np.float64]


class GradientDescent(Update):
    """Gradient descent on the shadow; the board gets the nearest realizable level, with hysteresis."""

    class Options(Section):
        """hysteresis: an edge changes its level only if another is nearer by this fraction of their distance."""

        rounding: Literal["nearest"] = "nearest"
        hysteresis: Annotated[float, Field(ge=0, lt=0.5)] = 0.05

    def __init__(self, options: Options, levels: Sequence[LevelTable | Continuous], initial: Array, rate: Rate) -> None:
        self._levels = tuple(levels)
        self._ladder = stacked(levels)
        self._low, self._high = ends(levels)
        self.shadow = np.clip(initial, self._low, self._high)
        self._position = nearest(self._ladder, self.shadow) if self._ladder else np.zeros(0, dtype=np.intp)
        self._level_of = {code: Level(code) for code in self._ladder.codes.ravel().tolist()} if self._ladder else {}
        self._rate = rate
        self._hysteresis = options.hysteresis
        self.steps = 0

    @property
    @override
    def levels(self) -> Sequence[LevelTable | Continuous]:
        return self._levels

    @property
    @override
    def conductances(self) -> Array:
        return self.shadow.copy() if self._ladder is None else at(self._ladder, self._position)

    @override
    def state(self) -> UpdateState:
        return UpdateState(self.shadow.copy(), self._position.copy(), self.steps, self.memory())

    @override
    def restore(self, state: UpdateState) -> None:
        self.shadow, self._position, self.steps = state.shadow.copy(), state.position.copy(), state.steps
        self.remember(state.memory)

    @override
    def resume(self, shadow: Array, conductances: Array, steps: int) -> None:
        position = self._position if self._ladder is None else nearest(self._ladder, conductances)
        self.restore(UpdateState(shadow, position, steps, self.memory()))

    @override
    def settings(self) -> dict[int, Setting]:
        return self._settings(np.arange(len(self.shadow)))

    @override
    def apply(self, gradient: Array) -> dict[int, Setting]:
        step = self._step(gradient)
        moved = np.minimum(np.maximum(self.shadow - step, self._low), self._high)
        if self._ladder is None:
            changed = np.flatnonzero(moved != self.shadow)
        else:
            wanted = self._rounded(self._ladder, moved)
            changed = np.flatnonzero(wanted != self._position)
            self._position[changed] = wanted[changed]
        self.steps += 1
        self.shadow = self._kept(moved)
        return self._settings(changed)

    def _step(self, gradient: Array) -> Array:
        """(E,) decrease of every conductance in this step, before rounding (S)."""
        return self._rate.at(self.steps) * gradient

    def _rounded(self, ladder: Ladder, moved: Array) -> NDArray[np.intp]:
        """(E,) position of the nearest level for each conductance, with hysteresis."""
        wanted = nearest(ladder, moved)
        here, there = at(ladder, self._position), at(ladder, wanted)
        nearer = np.abs(moved - here) - np.abs(moved - there)
        return np.where(nearer > self._hysteresis * np.abs(here - there), wanted, self._position)

    def _kept(self, moved: Array) -> Array:
        """(E,) conductances from which the next step starts (S)."""
        return moved

    def _settings(self, edges: NDArray[np.intp]) -> dict[int, Setting]:
        if self._ladder is None:
            return {
                edge: Target(value) for edge, value in zip(edges.tolist(), self.shadow[edges].tolist(), strict=True)
            }
        codes = self._ladder.codes[self._ladder.table[edges], self._position[edges]]
        return {edge: self._level_of[code] for edge, code in zip(edges.tolist(), codes.tolist(), strict=True)}
