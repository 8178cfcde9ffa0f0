"""Squared error: C = Σ_r (z_r − y_r)² with z = readout · v_o. No factor ½."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labrig.config.section import NoOptions
from labrig.learning.losses.loss import Loss, Targets, TrainingTargets

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SquaredError(Loss):
    """Squared distance from the target voltages.

    Parameters
    ----------
    readout : (R, O) array
        Readouts as combinations of outputs: the identity for single-ended ones, [[1, −1]] for one difference.
    mean_square : float
        L₀, the mean of Σ_r y_r² over the training set (V²).
    """

    readout: Array
    mean_square: float

    targets: ClassVar[Targets] = "voltages"

    @classmethod
    @override
    def build(cls, options: NoOptions, targets: TrainingTargets) -> SquaredError:
        squares: Array = (targets.values**2).sum(axis=1)
        return cls(targets.readout, float(squares.mean()))

    @property
    @override
    def scale(self) -> float:
        return self.mean_square

    @property
    @override
    def error_scale(self) -> float:
        return 2.0 * float(np.sqrt(self.mean_square))

    @override
    def value(self, outputs: Array, target: Array) -> float:
        difference = self.readout @ outputs - target
        return float(difference @ difference)

    @override
    def gradient(self, outputs: Array, target: Array) -> Array:
        return 2.0 * (self.readout @ outputs - target) @ self.readout
