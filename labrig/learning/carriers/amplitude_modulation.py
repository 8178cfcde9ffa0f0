"""The error as a modulation of the activation's tone: exact for a sine as activation of a nonlinear network.

The loss is one of the amplitudes V_o = (2/T) ∫ v_o cos ω₁t dt. The current −γ ∂C/∂V_o · cos Ωt · cos ω₁t changes the
state of every moment by the network's own answer at that moment, so that (2/T) ∫ ½u² cos Ωt dt · 2/γ is ∂C/∂θ of an
edge with the drop u, up to an error of order γ². This holds without memory: ωτ ≪ 1 for every node.

The current is two tones of half the amplitude at ω₁ ± Ω.
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
    """error = −γ/2 ∂C/∂V_o at both sidebands, with γ such that the largest error current is the configured one."""

    sidebands: ClassVar[bool] = True

    @staticmethod
    @override
    def tones(options: NoOptions, outputs: int) -> int:
        return 2

    @override
    def excitation(self, activation: Array, loss_gradient: Array) -> Excitation:
        gamma = self.current_a / max(float(np.abs(loss_gradient).max()), self.floor)
        return Excitation(activation, error=np.tile(-gamma / 2 * loss_gradient, (2, 1)), half_squares=True)
