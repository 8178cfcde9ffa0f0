"""Sign updates: every conductance moves by the same amount, in the direction given by the sign of its gradient.

Source: "Manhattan learning" in M. Riedmiller and H. Braun, IEEE Int. Conf. on Neural Networks (1993).
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

Array = NDArray[np.float64]


class SignDescent(GradientDescent):
    """Δθ = −sign_step · range · sign(∂C/∂θ).

    The step decays as the rate does, but the value of `learning.rate` has no effect.
    """

    uses_rate = False

    class Options(GradientDescent.Options):
        """sign_step: size of a step as a share of the range of conductances."""

        sign_step: Annotated[float, Field(gt=0, le=1)] = 0.01

    def __init__(self, options: Options, levels: Sequence[LevelTable | Continuous], initial: Array, rate: Rate) -> None:
        super().__init__(options, levels, initial, rate)
        self._sign_step = options.sign_step

    @override
    def _step(self, gradient: Array) -> Array:
        remaining = self._rate.at(self.steps) / self._rate.factor
        return remaining * self._sign_step * (self._high - self._low) * np.sign(gradient)
