"""Frequency propagation without a model of the edge: ½u² of a drop is locked in at the beat of error and activation.

This measures the local quantity ∂E/∂θ itself, (2/T) ∫ ½u² cos ω₂t dt, which for a DC activation equals a·b up to errors
of order γ². Source of the idea: Anisetti, Kandala, Scellier, Schwarz, Neural Computation 36(4):596–620 (2024).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labrig.learning.carriers import Carrier
from labrig.learning.measurement import Excitation
from labrig.learning.rules.frequency_propagation import FrequencyPropagation

Array = NDArray[np.float64]


class HalfSquaresLockIn(FrequencyPropagation):
    """Frequency propagation from ½u², which is computed from the samples with the error on; `a` is not used."""

    of_squares = True

    @classmethod
    @override
    def objection(cls, carrier: type[Carrier], activation: str) -> str | None:
        if carrier.quantity:
            return "needs an error tone that beats with the activation; use 'error: {carrier: shared_tone}'"
        if activation != "dc" and not carrier.sidebands:
            return "needs DC as activation, or the carrier amplitude_modulation; write 'learning.activation: dc'"
        return None

    @override
    def _with_error(self, carrier: Carrier, activation: Array, loss_gradient: Array) -> Excitation:
        return replace(carrier.excitation(activation, loss_gradient), half_squares=True)
