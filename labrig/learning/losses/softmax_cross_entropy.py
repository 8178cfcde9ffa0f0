"""Cross-entropy of a softmax: C = −ln p_y, p = softmax(v_o / temperature)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labrig.config.section import Section
from labrig.learning.losses.loss import Loss, Targets, TrainingTargets
from labrig.quantities import PositiveVoltage

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of class probabilities.

    Parameters
    ----------
    temperature : float
        Volts per unit of the exponent.
    """

    class Options(Section):
        """temperature: voltage that turns outputs into the exponents of the softmax."""

        temperature: PositiveVoltage

    temperature: float

    targets: ClassVar[Targets] = "classes"

    @classmethod
    @override
    def build(cls, options: Options, targets: TrainingTargets) -> SoftmaxCrossEntropy:
        return cls(options.temperature)

    @property
    @override
    def scale(self) -> float:
        return 1.0

    @property
    @override
    def error_scale(self) -> float:
        return 1.0 / self.temperature

    @override
    def value(self, outputs: Array, target: Array) -> float:
        z = outputs / self.temperature
        largest = float(z.max())
        return float(np.log(np.exp(z - largest).sum()) + largest - z @ target)

    @override
    def gradient(self, outputs: Array, target: Array) -> Array:
        z = outputs / self.temperature
        p = np.exp(z - z.max())
        return (p / p.sum() - target) / self.temperature
