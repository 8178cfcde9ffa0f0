"""Two equilibria compared: how far levels moved, and the contrast ½(u₂² − u₁²) of every edge, with uncertainties.

Zero and gain of a channel are the same in both readings, so the zero cancels in a difference, and the gain counts in
proportion to what changed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labrig.learning.gradient import Gradient
from labrig.learning.measurement import Response

Array = NDArray[np.float64]


def contrast(first: Response, second: Response, weight: float = 1.0) -> Gradient:
    """Weight · ½(u₂² − u₁²) of every edge, from the activation coefficients of two readings with DC.

    It is the difference of ∂E/∂θ; where ∂²E/∂u∂θ is a constant s, weight · s(u₂ − u₁).

    Parameters
    ----------
    first, second : Response
        At both equilibria; their noise is independent.
    weight : float
    """
    moved = second.a - first.a
    if (slope := first.constant_slope) is not None:
        factor = np.abs(weight * slope)
        noise = factor * np.hypot(first.u_a, second.u_a)
        return Gradient(weight * slope * moved, noise, factor * systematic_of_change(first, second))
    mean = (first.a + second.a) / 2
    noise = sum(
        (each.a**2 * each.u_a**2 + each.u_a**4 / 2 for each in (first, second)),
        np.zeros_like(moved),
    )
    of_mean = np.sqrt((first.systematic_a**2 + second.systematic_a**2) / 2)
    systematic = np.hypot(mean * systematic_of_change(first, second), moved * of_mean)
    return Gradient(weight * mean * moved, abs(weight) * np.sqrt(noise), abs(weight) * systematic)


def systematic_of_change(first: Response, second: Response) -> Array:
    """(E,) standard uncertainty that zero, gain and rounding leave in second.a − first.a, with DC."""
    if first.shared is None:
        return np.hypot(first.systematic_a, second.systematic_a)
    return np.sqrt(first.shared.drops.of_squares(_of_channels(first, second)))[: len(first.a)]


def systematic_of_second(first: Response, second: Response) -> Array:
    """(E,) the same of the change of the drops of a second quantity, which follow those of the edges."""
    assert first.shared is not None
    return np.sqrt(first.shared.drops.of_squares(_of_channels(first, second)))[len(first.a) :]


def systematic_of_moved_outputs(first: Response, second: Response) -> Array:
    """(O,) the same of the change of the outputs."""
    if first.shared is None:
        return np.hypot(first.systematic_outputs, second.systematic_outputs)
    return np.sqrt(_of_channels(first, second)[first.shared.output_columns])


def _of_channels(first: Response, second: Response) -> Array:
    """(C,) variance of the change of every channel from gain and rounding."""
    assert first.shared is not None
    one, other, shared = first.demodulated, second.demodulated, first.shared
    variance = (shared.u_gain * (other.dc - one.dc)) ** 2
    for read in (one, other):
        variance += np.maximum(read.systematic_dc**2 - (shared.u_gain * read.dc) ** 2 - np.square(shared.u_zero), 0.0)
    return variance
