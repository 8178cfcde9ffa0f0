"""Frequency propagation: the gradient of an edge is the product of its two coefficients, a·b/γ.

Source of the idea: Anisetti, Kandala, Scellier, Schwarz, Neural Computation 36(4):596–620 (2024).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labrig.errors import SourceMisfit
from labrig.learning.carriers import Carrier
from labrig.learning.contrast import systematic_of_second
from labrig.learning.gradient import Gradient
from labrig.learning.losses import Loss
from labrig.learning.measurement import Excitation, Response
from labrig.learning.rules.rule import EdgeStates, Example, Measurements, Rule
from labrig.learning.source_errors import source_errors

Array = NDArray[np.float64]

LARGEST_MISFIT = 0.02
"""Largest accepted difference between the played currents and the error, relative to the largest component of the
error. Generators round amplitudes, and some have a smallest amplitude. The gradient has the same relative error."""


class FrequencyPropagation(Rule):
    """Measure with the error off, then on; multiply the two coefficients, or lock in ½u² if the carrier requires it.

    With a carrier that does not need the error first, the rule takes a single measurement with the tones on.
    """

    @override
    def acquisitions(self, edges: int, carrier: type[Carrier]) -> int:
        return 2 if carrier.error_first else 1

    @override
    def gradient(self, example: Example, loss: Loss, carrier: Carrier, edges: EdgeStates) -> Measurements:
        if carrier.error_first:
            free = yield Excitation(example.activation)
            e = loss.gradient(free.outputs, example.target)
            if not np.any(e):
                return None
            asked = self._with_error(carrier, example.activation, e)
            nudged = yield asked
        else:
            asked = self._with_error(carrier, example.activation, np.zeros(carrier.outputs))
            free = nudged = yield asked
            e = loss.gradient(free.outputs, example.target)
            if not np.any(e):
                return None
        return estimate(carrier, asked, free, nudged, e)

    def _with_error(self, carrier: Carrier, activation: Array, loss_gradient: Array) -> Excitation:
        """The excitation with the error on."""
        return carrier.excitation(activation, loss_gradient)


def estimate(carrier: Carrier, asked: Excitation, free: Response, nudged: Response, loss_gradient: Array) -> Gradient:
    """∂C/∂θ from the responses without and with error, by the method that suits the carrier.

    Parameters
    ----------
    carrier : Carrier
    asked : Excitation
        The requested excitation with the error on.
    free, nudged : Response
        Responses with the error off and on, or the same response twice.
    loss_gradient : (O,) array
        ∂C/∂v_o at the free state.

    Raises
    ------
    SourceMisfit
        If no combination of the currents that were played gives the error.
    """
    if carrier.quantity:
        found = released(free, nudged, loss_gradient, carrier.floor)
    elif nudged.half_squares is not None:
        found = beat(nudged, loss_gradient, carrier.floor)
    else:
        found = product(free, nudged, loss_gradient, carrier.floor)
    return replace(found, gamma=injected_per_error(asked, loss_gradient))


def beat(nudged: Response, loss_gradient: Array, floor: float = 0.0) -> Gradient:
    """∂C/∂θ_k = Σ_m w_m h_mk, with weights w as in `product`.

    h_mk is the amplitude of ½u² of edge k at the beat of error tone m with the activation. This needs no model of the
    edge, and is exact to first order in the error even in a nonlinear network, whether the activation is DC or a sine
    (with an error at its two sidebands). The readings of both sidebands come from the same samples, so their errors add
    linearly.

    Parameters
    ----------
    nudged : Response
        Response with the error on, including half squares.
    loss_gradient, floor
        As in `product`.

    Raises
    ------
    SourceMisfit
        If no combination of the tones that were played gives the error.
    """
    check_misfit(nudged.error, loss_gradient, floor)
    weights, half_squares = combination(nudged.error, -loss_gradient), nudged.half_squares
    assert half_squares is not None
    return Gradient(
        weights @ half_squares.value,
        np.abs(weights) @ half_squares.standard_error,
        np.abs(weights) @ half_squares.systematic,
        sources=source_errors(half_squares.value, nudged.a, nudged.error, nudged.u_error, loss_gradient),
    )


def product(free: Response, nudged: Response, loss_gradient: Array, floor: float = 0.0) -> Gradient:
    """∂C/∂θ_k = Σ_m w_m a_k b_mk with weights w such that Σ_m w_m · error_m = −∂C/∂v_o.

    Whether the error was carried by one shared tone or by one tone per output, superposition of small tones makes
    Σ_m w_m b_m the response to the current −∂C/∂v_o. `a` comes from the measurement without error. If ∂²E/∂u∂θ of an
    edge is a constant, as for a rest length, this constant replaces `a`.

    Parameters
    ----------
    free, nudged : Response
        Responses with the error off and on, or the same response twice.
    loss_gradient : (O,) array
        ∂C/∂v_o at the free state.
    floor : float
        An error smaller than this (unit of ∂C/∂v_o) was injected at a smaller current than others, so the misfit of the
        sources is taken relative to `floor`. An error too small for the sources to play teaches nothing.

    Raises
    ------
    SourceMisfit
        If no combination of the tones that were played gives the error.
    """
    weights = combination(nudged.error, -loss_gradient)
    check_misfit(nudged.error, loss_gradient, floor)
    response = weights @ nudged.b
    slope, noise, systematic = free.slope
    return Gradient(
        slope * response,
        _of_product(slope, noise, response, weights**2 @ nudged.u_b**2),
        _of_product(slope, systematic, response, weights**2 @ nudged.systematic_b**2),
        sources=source_errors(slope * nudged.b, slope, nudged.error, nudged.u_error, loss_gradient),
    )


def released(free: Response, nudged: Response, loss_gradient: Array, floor: float = 0.0) -> Gradient:
    """∂C/∂θ_k = w a_k Δ_k, with w as in `product`; Δ_k is the change of the second quantity's drop due to its release.

    The drops without release are subtracted, so zero errors of the sensors cancel.

    Raises
    ------
    SourceMisfit
        If the release is not proportional to the error.
    """
    played = nudged.constant[np.newaxis]
    check_misfit(played, loss_gradient, floor)
    assert free.second is not None
    assert nudged.second is not None
    (weight,) = combination(played, -loss_gradient)
    moved = nudged.second.value - free.second.value
    response = weight * moved
    noise = weight**2 * (nudged.second.noise**2 + free.second.noise**2)
    systematic = weight**2 * systematic_of_second(free, nudged) ** 2
    return Gradient(
        free.a * response,
        _of_product(free.a, free.u_a, response, noise),
        _of_product(free.a, free.systematic_a, response, systematic),
        sources=source_errors(
            (free.a * moved)[np.newaxis], free.a, played, nudged.u_constant(nudged.constant), loss_gradient
        ),
    )


def injected_per_error(excitation: Excitation, loss_gradient: Array) -> float:
    """γ: the largest peak current that was requested for any output, divided by the largest |∂C/∂v_o|."""
    injected = 0.0 if excitation.error is None else np.abs(excitation.error).sum(axis=0).max()
    constant = 0.0 if excitation.constant is None else np.abs(excitation.constant).max()
    return float(max(injected, constant) / np.abs(loss_gradient).max())


def misfit(error: Array, loss_gradient: Array, floor: float = 0.0) -> float:
    """Largest deviation of −∂C/∂v_o (O,) from the nearest combination of the played errors (K, O).

    It is relative to the largest |∂C/∂v_o|, or to `floor` if that is larger.
    """
    missing = error.T @ combination(error, -loss_gradient) + loss_gradient
    return float(np.abs(missing).max() / max(floor, np.abs(loss_gradient).max()))


def check_misfit(error: Array, loss_gradient: Array, floor: float) -> None:
    """Raise SourceMisfit if the errors that were played (K, O) cannot express −∂C/∂v_o (O,)."""
    off = misfit(error, loss_gradient, floor)
    if not off <= LARGEST_MISFIT:
        raise SourceMisfit(
            f"the error currents that were played deviate from the requested ones by {100 * off:.1f} % of the largest",
            action="inject the error",
            limit=f"{100 * LARGEST_MISFIT:.0f} %",
            remedy="raise the current in learning.error: sources round amplitudes, and cannot play very small ones",
        )


def combination(error: Array, wanted: Array) -> Array:
    """(K,) weights of the combination of the played errors (K, O) that comes nearest to `wanted` (O,)."""
    if len(error) == 1:  # the common case, ten times faster than lstsq
        size = error[0] @ error[0]
        return np.array([float(error[0] @ wanted / size) if size > 0 else 0.0])
    return np.asarray(np.linalg.lstsq(error.T, wanted, rcond=None)[0], dtype=np.float64)


def _of_product(a: Array, u_a: Array, b: Array, b_variance: Array) -> Array:
    """Standard uncertainty of the product of two independent readings."""
    return np.sqrt(a**2 * b_variance + b**2 * u_a**2 + u_a**2 * b_variance)
