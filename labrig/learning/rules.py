"""Learning rules: from what was measured to the gradient of every edge, with its standard error.

Source of the idea: Anisetti, Kandala, Scellier, Schwarz, Neural Computation 36(4):596–620 (2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Measured(Protocol):
    """What a rule needs of a measurement; E edges, K error tones, O outputs."""

    @property
    def a(self) -> Array:
        """(E,) activation coefficient of every edge's drop (V)."""
        ...

    @property
    def u_a(self) -> Array:
        """(E,) its standard error (V)."""
        ...

    @property
    def b(self) -> Array:
        """(K, E) signed amplitude of every edge's drop at each error tone (V)."""
        ...

    @property
    def u_b(self) -> Array:
        """(K, E) its standard error (V)."""
        ...

    @property
    def error(self) -> Array:
        """(K, O) amplitude of the current that was injected into each output at each tone (A)."""
        ...


@dataclass(frozen=True)
class Gradient:
    """∂C/∂θ (E,) per siemens, and its standard error from the noise of both coefficients."""

    value: Array
    standard_error: Array


def frequency_propagation(free: Measured, nudged: Measured, loss_gradient: Array) -> Gradient:
    """∂C/∂θ_k = Σ_m w_m a_k b_mk with weights w such that Σ_m w_m · error_m = −∂C/∂v_o.

    Whatever way the error was carried (one shared tone, or one tone per output), superposition of small tones makes
    this the response to the current −∂C/∂v_o per unit. `a` comes from the measurement without error.
    Raises ValueError where the tones that were played cannot express the error.
    """
    weights, *_ = np.linalg.lstsq(nudged.error.T, -loss_gradient, rcond=None)
    misfit = np.abs(nudged.error.T @ weights + loss_gradient).max()
    if not misfit <= 1e-6 * np.abs(loss_gradient).max():
        raise ValueError("the injected currents are not a combination that carries this error")
    response = weights @ nudged.b
    response_variance = weights**2 @ nudged.u_b**2
    variance = free.a**2 * response_variance + response**2 * free.u_a**2 + free.u_a**2 * response_variance
    return Gradient(free.a * response, np.sqrt(variance))
