"""A tone for every output, all at full current: one acquisition per example, whatever the error is.

b^(m) is the response to −γ_m cos(ω_m t) into output m, so that ∂C/∂θ = Σ_m (∂C/∂v_m) a b^(m) / γ_m. The error is needed
only for this sum, and is computed from the same window as `a` and b. Different tones (and DC) of one window are
orthogonal, so the white noise of `a` and of each b is uncorrelated, as if they had been measured one after another.

The gradient is exact where superposition holds. In a nonlinear network the tones shift `a` by rectification, which
grows as the square of their amplitudes.
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


class TonePerOutput(Carrier):
    """Tone m carries the configured current, with negative sign, into output m and nothing into the other outputs."""

    error_first: ClassVar[bool] = False

    @staticmethod
    @override
    def tones(options: NoOptions, outputs: int) -> int:
        return outputs

    @override
    def excitation(self, activation: Array, loss_gradient: Array) -> Excitation:
        return Excitation(activation, error=-self.current_a * np.eye(self.outputs))
