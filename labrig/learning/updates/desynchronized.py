"""Desynchronized updates: at each step, a random subset of the edges moves and the others wait.

Source: J. F. Wycoff, S. Dillavou, M. Stern, A. J. Liu, D. J. Durian, J. Chem. Phys. 156, 144903 (2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import override

from labrig.instruments.data import Continuous, LevelTable
from labrig.learning.updates.gradient_descent import GradientDescent
from labrig.learning.updates.update import Rate
from labrig.random_streams import RandomStream

Array = NDArray[np.float64]


class Desynchronized(GradientDescent):
    """Gradient descent in which each edge takes part in a step with a given probability."""

    class Options(GradientDescent.Options):
        """moving: probability that an edge takes part in a step."""

        moving: Annotated[float, Field(gt=0, le=1)] = 0.5

    def __init__(self, options: Options, levels: Sequence[LevelTable | Continuous], initial: Array, rate: Rate) -> None:
        super().__init__(options, levels, initial, rate)
        self._moving = options.moving

    @override
    def _step(self, gradient: Array) -> Array:
        draws = RandomStream(self.seed, "desynchronized").at(self.steps).random(len(gradient))
        return np.where(draws < self._moving, super()._step(gradient), 0.0)
