"""The error as an amplitude modulation of the activation tone: exact for a nonlinear network driven by a sine.

The loss is a function of the amplitudes V_o = (2/T) ∫ v_o cos ω₁t dt. The current −γ ∂C/∂V_o · cos Ωt · cos ω₁t shifts
the state at every moment by the network's response at that moment, so that (2/T) ∫ ½u² cos Ωt dt · 2/γ is ∂C/∂θ of an
edge with the drop u, up to an error of order γ². This requires a network without memory: ωτ ≪ 1 for every node.

The current consists of two tones of half the amplitude at ω₁ ± Ω.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labrig.config.section import NoOptions
from labrig.learning.carriers.carrier import Carrier
from labrig.learning.measurement import Excitation

Array = NDArray[np.float64]


class AmplitudeModulation(Carrier):
    """error = −γ/2 ∂C/∂V_o at both sidebands; γ is such that the largest error current is the configured current."""

    sidebands: ClassVar[bool] = True

    @staticmethod
    @override
    def tones(options: NoOptions, outputs: int) -> int:
        return 2

    @override
    def excitation(self, activation: Array, loss_gradient: Array) -> Excitation:
        return Excitation(activation, error=np.tile(self.error_currents(loss_gradient) / 2, (2, 1)), half_squares=True)
