"""Momentum: each step goes down the running mean of the gradients so far.

Source: B. T. Polyak, USSR Comput. Math. Math. Phys. 4, 1 (1964); here a mean instead of a sum, so that the rate has the
same meaning as without momentum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import override

from labrig.instruments.data import Continuous, LevelTable
from labrig.learning.updates.gradient_descent import GradientDescent
from labrig.learning.updates.update import Rate

Array = NDArray[np.float64]


class Momentum(GradientDescent):
    """m ← momentum · m + (1 − momentum) · ∂C/∂θ; Δθ = −rate · m."""

    class Options(GradientDescent.Options):
        """momentum: weight of the old mean in the new mean."""

        momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9

    def __init__(self, options: Options, levels: Sequence[LevelTable | Continuous], initial: Array, rate: Rate) -> None:
        super().__init__(options, levels, initial, rate)
        self._share = options.momentum
        self._mean = np.zeros(len(initial))

    @override
    def memory(self) -> Mapping[str, Array]:
        return {"mean": self._mean.copy()}

    @override
    def remember(self, memory: Mapping[str, Array]) -> None:
        self._mean = np.array(memory.get("mean", np.zeros(len(self.shadow))), dtype=np.float64)

    @override
    def _step(self, gradient: Array) -> Array:
        self._mean = self._share * self._mean + (1 - self._share) * gradient
        return self._rate.at(self.steps) * self._mean
