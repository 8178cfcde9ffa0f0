"""Comparison of two equilibria: the change of levels, and the contrast ½(u₂² − u₁²) of every edge, with uncertainties.

The zero and the gain of a channel are the same in both readings, so the zero error cancels in a difference, and the
gain error is proportional to the change.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labrig.learning.gradient import Gradient
from labrig.learning.measurement import Response

Array = NDArray[np.float64]


def contrast(first: Response, second: Response, weight: float = 1.0) -> Gradient:
    """Return weight · ½(u₂² − u₁²) of every edge, from the DC activation coefficients of two readings.

    This is the difference of ∂E/∂θ between the two equilibria. Where ∂²E/∂u∂θ is a constant s, the difference is
    weight · s(u₂ − u₁) instead.

    Parameters
    ----------
    first, second : Response
        Readings at the two equilibria, with independent noise.
    weight : float
        Factor by which the contrast is multiplied.
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
    """(E,) standard uncertainty, due to zero, gain and rounding, of second.a − first.a for a DC activation."""
    if first.shared is None:
        return np.hypot(first.systematic_a, second.systematic_a)
    return np.sqrt(first.shared.drops.of_squares(_of_channels(first, second)))[: len(first.a)]


def systematic_of_second(first: Response, second: Response) -> Array:
    """(E,) standard uncertainty, due to zero, gain and rounding, of the change of the second quantity's drops."""
    assert first.shared is not None
    return np.sqrt(first.shared.drops.of_squares(_of_channels(first, second)))[len(first.a) :]


def systematic_of_moved_outputs(first: Response, second: Response) -> Array:
    """(O,) standard uncertainty, due to zero, gain and rounding, of the change of the outputs."""
    if first.shared is None:
        return np.hypot(first.systematic_outputs, second.systematic_outputs)
    return np.sqrt(_of_channels(first, second)[first.shared.output_columns])


def _of_channels(first: Response, second: Response) -> Array:
    """(C,) variance, due to gain and rounding, of the change of every channel between the two readings."""
    assert first.shared is not None
    one, other, shared = first.demodulated, second.demodulated, first.shared
    variance = (shared.u_gain * (other.dc - one.dc)) ** 2
    for read in (one, other):
        variance += np.maximum(read.systematic_dc**2 - (shared.u_gain * read.dc) ** 2 - np.square(shared.u_zero), 0.0)
    return variance
