"""Losses of the output voltages, with the gradient that is injected as an error current.

A loss is a mean over examples. `scale` is L₀ of the rate's definition: Δθ = −rate · s² · ∂(L/L₀)/∂θ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Loss(Protocol):
    @property
    def scale(self) -> float:
        """L₀, in the loss's own unit."""
        ...

    @property
    def error_scale(self) -> float:
        """The size ∂C/∂v_o has while nothing is learned yet, in its own unit."""
        ...

    def value(self, outputs: Array, target: Array) -> float:
        """C of one example: outputs (O,) in V, target as the task has it."""
        ...

    def gradient(self, outputs: Array, target: Array) -> Array:
        """∂C/∂v_o (O,) of one example."""
        ...


@dataclass(frozen=True)
class SquaredError:
    """C = Σ_r (z_r − y_r)², z = readout · v_o. No factor ½.

    readout: (R, O); the identity reads single-ended outputs, [[1, −1]] one differential output.
    scale: mean over the training set of Σ_r y_r² (V²).
    """

    readout: Array
    scale: float

    @property
    def error_scale(self) -> float:
        return 2.0 * float(np.sqrt(self.scale))

    def value(self, outputs: Array, target: Array) -> float:
        difference = self.readout @ outputs - target
        return float(difference @ difference)

    def gradient(self, outputs: Array, target: Array) -> Array:
        return 2.0 * (self.readout @ outputs - target) @ self.readout


@dataclass(frozen=True)
class SoftmaxCrossEntropy:
    """C = −ln p_y, p = softmax(v_o / temperature). target: one-hot (O,)."""

    temperature: float

    @property
    def scale(self) -> float:
        return 1.0

    @property
    def error_scale(self) -> float:
        return 1.0 / self.temperature

    def value(self, outputs: Array, target: Array) -> float:
        z = outputs / self.temperature
        largest = float(z.max())
        return float(np.log(np.exp(z - largest).sum()) + largest - z @ target)

    def gradient(self, outputs: Array, target: Array) -> Array:
        z = outputs / self.temperature
        p = np.exp(z - z.max())
        return (p / p.sum() - target) / self.temperature
