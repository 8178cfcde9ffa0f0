"""Learning rules: from what was measured to the gradient of every edge, with its standard error.

Source of the idea: Anisetti, Kandala, Scellier, Schwarz, Neural Computation 36(4):596–620 (2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labrig.errors import SourceMisfit

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
    def systematic_a(self) -> Array:
        """(E,) what the instruments' zero and gain may add to a (V): the same in every measurement."""
        ...

    @property
    def systematic_b(self) -> Array:
        """(K, E) the same for b."""
        ...

    @property
    def error(self) -> Array:
        """(K, O) amplitude of the current that was injected into each output at each tone (A)."""
        ...


@dataclass(frozen=True)
class Gradient:
    """∂C/∂θ (E,) per siemens, and how well it is known.

    standard_error: from the noise of both coefficients; averaging makes it smaller. systematic: from zero and gain of
    the instruments, standard uncertainty; averaging does not.
    """

    value: Array
    standard_error: Array
    systematic: Array

    @property
    def uncertainty(self) -> Array:
        """(E,) both together."""
        return np.hypot(self.standard_error, self.systematic)


LARGEST_MISFIT = 0.02
"""How far the currents that were played may be from the error, relative to its largest component: generators round
amplitudes, and some have a smallest one. The gradient is off by as much."""


def frequency_propagation(free: Measured, nudged: Measured, loss_gradient: Array, floor: float = 0.0) -> Gradient:
    """∂C/∂θ_k = Σ_m w_m a_k b_mk with weights w such that Σ_m w_m · error_m = −∂C/∂v_o.

    Whatever way the error was carried (one shared tone, or one tone per output), superposition of small tones makes
    this the response to the current −∂C/∂v_o per unit. `a` comes from the measurement without error.
    floor: an error smaller than this (in the unit of ∂C/∂v) was injected at a smaller current than others, so what the
    sources made of it is judged as a share of this; one that they cannot play at all teaches nothing.
    Raises SourceMisfit where the tones that were played cannot express the error.
    """
    weights = _weights(nudged.error, -loss_gradient)
    off = misfit(nudged.error, loss_gradient, floor)
    if not off <= LARGEST_MISFIT:
        raise SourceMisfit(
            f"the error currents that the sources played are {off:.1%} of the largest away from what was asked for",
            action="inject the error",
            limit=f"{LARGEST_MISFIT:.0%}",
            remedy="raise learning.error.current: sources have a smallest amplitude, and round others",
        )
    response = weights @ nudged.b
    return Gradient(
        free.a * response,
        _of_product(free.a, free.u_a, response, weights**2 @ nudged.u_b**2),
        _of_product(free.a, free.systematic_a, response, weights**2 @ nudged.systematic_b**2),
    )


def misfit(error: Array, loss_gradient: Array, floor: float = 0.0) -> float:
    """How far the nearest combination of the played errors (K, O) is from −∂C/∂v_o, in units of its largest part, or of
    `floor` where that is larger."""
    missing = error.T @ _weights(error, -loss_gradient) + loss_gradient
    return float(np.abs(missing).max() / max(floor, np.abs(loss_gradient).max()))


def _weights(error: Array, wanted: Array) -> Array:
    """(K,) of the combination of the played errors (K, O) that comes nearest to `wanted` (O,)."""
    if len(error) == 1:  # the common case, and a tenth of the time
        size = error[0] @ error[0]
        return np.array([float(error[0] @ wanted / size) if size > 0 else 0.0])
    return np.asarray(np.linalg.lstsq(error.T, wanted, rcond=None)[0], dtype=np.float64)


def _of_product(a: Array, u_a: Array, b: Array, b_variance: Array) -> Array:
    """Standard uncertainty of the product of two independent readings."""
    return np.sqrt(a**2 * b_variance + b**2 * u_a**2 + u_a**2 * b_variance)
