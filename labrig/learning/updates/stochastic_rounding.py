"""Stochastic rounding without a shadow: a step that ends between two levels goes to one of them at random.

The probabilities are such that the mean of the rounded step is the step itself.

Source: S. Gupta et al., Deep learning with limited numerical precision, ICML (2015).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labrig.config.section import Section
from labrig.instruments.data import Continuous, LevelTable
from labrig.learning.updates.gradient_descent import GradientDescent
from labrig.learning.updates.ladder import Ladder, at, below
from labrig.learning.updates.update import Rate
from labrig.random_streams import RandomStream

Array = NDArray[np.float64]


class StochasticRounding(GradientDescent):
    """Gradient descent that starts every step from the levels on the board. Continuous channels are not rounded."""

    class Options(Section):  # type: ignore[assignment]
        """No keys."""

    def __init__(self, options: Options, levels: Sequence[LevelTable | Continuous], initial: Array, rate: Rate) -> None:
        super().__init__(GradientDescent.Options(), levels, initial, rate)
        if self._ladder is not None:
            self.shadow = at(self._ladder, self._position)

    @override
    def _rounded(self, ladder: Ladder, moved: Array) -> NDArray[np.intp]:
        lower = below(ladder, moved)
        low, high = at(ladder, lower), at(ladder, lower + 1)
        draws = RandomStream(self.seed, "rounding").at(self.steps).random(len(moved))
        return np.where(draws * (high - low) < moved - low, lower + 1, lower)

    @override
    def _kept(self, moved: Array) -> Array:
        return moved if self._ladder is None else at(self._ladder, self._position)
