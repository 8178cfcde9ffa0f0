"""The error as another physical quantity: a chemical released at the outputs, whose concentration is read.

It needs no tone. Where it diffuses in proportion to the conductance of the tubes, its drops answer a release as the
pressure drops answer a volume flow, so that they are the response b of every edge.

Source of the idea: Anisetti, Scellier, Schwarz, Phys. Rev. Research 5, 023024 (2023).
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


class Chemical(Carrier):
    """release = −γ ∂C/∂p with γ such that the largest release is the configured one; negative is taken up."""

    quantity: ClassVar[bool] = True
    flow_key: ClassVar[str] = "release"

    @staticmethod
    @override
    def tones(options: NoOptions, outputs: int) -> int:
        return 1  # of the pilot alone

    @override
    def excitation(self, activation: Array, loss_gradient: Array) -> Excitation:
        gamma = self.current_a / max(float(np.abs(loss_gradient).max()), self.floor)
        return Excitation(activation, constant=-gamma * loss_gradient)
