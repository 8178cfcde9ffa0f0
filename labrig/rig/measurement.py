"""What the rig is asked to play, and what it read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.lockin.demodulated import Demodulated

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Excitation:
    """activation: (I,) V, a DC level or the signed amplitude of the activation tone, as the rig is configured.

    error: (K, O) signed amplitude of the current injected INTO each output at each error tone (A); None is zero:
    sources at 0 V with their outputs on.
    """

    activation: Array
    error: Array | None = None


@dataclass(frozen=True)
class Response:
    """Coefficients read by lock-in. E edges, O outputs, K error tones; volts.

    u_a, u_b: standard errors from the noise alone. systematic_a, systematic_b: what zero and gain of the digitizer may
    add, the same in every measurement.

    outputs: (O,) activation coefficient of the outputs. a: (E,) of every edge's drop. b: (K, E) signed amplitude of
    every drop at each error tone. quadrature: (K, E) what stands 90° beside b: a validity meter.
    error: (K, O) the current as played (A). local: lock-in of a local quantity, where a rule needs one.
    """

    outputs: Array
    a: Array
    u_a: Array
    b: Array
    u_b: Array
    systematic_a: Array
    systematic_b: Array
    error: Array
    quadrature: Array
    demodulated: Demodulated
    local: Array | None = None
