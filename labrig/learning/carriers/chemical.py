"""The error as another physical quantity: a chemical released at the outputs, whose concentration is measured.

This carrier needs no tone. If the chemical diffuses in proportion to the conductance of the tubes, concentration drops
respond to a release as pressure drops respond to a volume flow, so they are the response b of every edge.

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
    """release = −γ ∂C/∂p with γ such that the largest release is as configured; a negative release is an uptake."""

    quantity: ClassVar[bool] = True
    flow_key: ClassVar[str] = "release"

    @staticmethod
    @override
    def tones(options: NoOptions, outputs: int) -> int:
        return 1  # the pilot's tone

    @override
    def excitation(self, activation: Array, loss_gradient: Array) -> Excitation:
        return Excitation(activation, constant=self.error_currents(loss_gradient))
