"""One tone that all outputs share: the amplitude at an output is its error, and the phase gives the sign."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labrig.config.section import NoOptions
from labrig.learning.carriers.carrier import Carrier
from labrig.learning.measurement import Excitation

Array = NDArray[np.float64]


class SharedTone(Carrier):
    """error = −γ ∂C/∂v_o with γ such that the largest error current is the configured current."""

    @staticmethod
    @override
    def tones(options: NoOptions, outputs: int) -> int:
        return 1

    @override
    def excitation(self, activation: Array, loss_gradient: Array) -> Excitation:
        return Excitation(activation, error=self.error_currents(loss_gradient)[np.newaxis])
