"""Cross-entropy of a softmax: C = −ln p_y, p = softmax(z / temperature) with z = readout · v_o."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import override

from labrig.config.section import Section
from labrig.learning.losses.loss import Loss, Targets, TrainingTargets
from labrig.medium import PositiveState

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of class probabilities.

    Parameters
    ----------
    temperature : float
        Volts per unit of the exponent.
    readout : (R, O) array or None
        Readouts as combinations of outputs; None means one output per class.
    """

    class Options(Section):
        """temperature: voltage by which readouts are divided to give the exponents of the softmax."""

        temperature: Annotated[PositiveState, Field(ge=1e-12)]

    temperature: float
    readout: Array | None = None

    targets: ClassVar[Targets] = "classes"

    @classmethod
    @override
    def build(cls, options: Options, targets: TrainingTargets) -> SoftmaxCrossEntropy:
        single = np.array_equal(targets.readout, np.eye(len(targets.readout)))
        return cls(options.temperature, None if single else targets.readout)

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
        z = self._exponents(outputs)
        largest = float(z.max())
        return float(np.log(np.exp(z - largest).sum()) + largest - z @ target)

    @override
    def gradient(self, outputs: Array, target: Array) -> Array:
        z = self._exponents(outputs)
        p = np.exp(z - z.max())
        by_readout = (p / p.sum() - target) / self.temperature
        return by_readout if self.readout is None else by_readout @ self.readout

    def _exponents(self, outputs: Array) -> Array:
        """(R,) readouts divided by the temperature."""
        return (outputs if self.readout is None else self.readout @ outputs) / self.temperature
