"""Errors of a mean and of a tone due to rounding by the converter, when noise is too small to average it away.

A level μ (in steps of the converter) with Gaussian noise σ is read, on average, as μ + β(μ), with

    β(μ) = Σ_k (−1)^k exp(−2π²σ²k²) sin(2πkμ) / (πk),    mean square over μ: ρ²(σ) = Σ_k exp(−4π²σ²k²) / (2π²k²).

With half a step of noise or more, ρ is below 0.002 steps; without noise it is 1/√12. If a channel carries tones, each
phase of their common period is at a different μ, and the errors of the phases partly cancel: their mean square in a
coefficient Σ_p w_p x_p is Σ_k ρ_k² |Σ_p w_p exp(2πik x_p)|², where x_p is the sum of the tones at phase p. This error
is not noise: it is the same whenever the levels are the same. Source: B. Widrow and I. Kollár, *Quantization Noise*,
Cambridge 2008.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LARGEST_NOISE = 0.6
"""Noise, in steps, above which rounding adds less than 0.0002 steps."""

NOISE_AVERAGES_IT = LARGEST_NOISE**2 + 1 / 12
"""Variance of the readings, in steps squared, above which the noise exceeds LARGEST_NOISE."""

WORST_TONE = 0.29
"""Amplitude, in steps, of the tone that rounding changes most."""

NEARBY = (0.8, 1.0, 1.25)
"""Amplitudes, relative to the reading, over which the error of a tone is averaged, because it vanishes at some of them.
"""

HIDDEN = (0.2, 0.5, 0.9)
"""The same for a tone too small to be read correctly, relative to the largest amplitude that rounding could hide."""

HARMONICS = 12
MOST_PHASES = 256


def mean_square(sigma: Array, harmonics: int = 400) -> Array:
    """ρ²(σ), in steps squared, for noise σ (in steps, any shape)."""
    k = np.arange(1, harmonics + 1)
    return np.sum(np.exp(-((2 * np.pi * k * sigma[..., np.newaxis]) ** 2)) / (2 * (np.pi * k) ** 2), axis=-1)


_SIGMA = np.linspace(0.0, LARGEST_NOISE, 121)
_SCATTER = _SIGMA**2 + 1 / 12 - mean_square(_SIGMA)
"""Variance of the readings at a fixed level, averaged over all levels, in steps squared."""


def noise_before_rounding(scatter: Array) -> Array:
    """Noise σ (C,) at the inputs, in steps, from the variance (C,) of the readings at fixed levels, in steps squared.

    Small noise cannot be estimated well from a single level: the readings show none in the middle of a step, and too
    much at its edge. Channels whose noise is below about half a step are therefore averaged. The mean is lowered by
    half its standard error to be on the safe side, because rounding matters more when noise is smaller.
    """
    sigma: Array = np.sqrt(np.maximum(scatter - 1 / 12, 0.0))
    small = scatter < _SCATTER[-1]
    if small.any():
        found = scatter[small]
        least = found.mean() - 0.5 * found.std() / np.sqrt(len(found))
        sigma[small] = np.interp(least, _SCATTER, _SIGMA)
    return sigma


def rounding_variance(sigma: Array, tones: Array, weights: Array) -> Array:
    """Mean square (K, C) of the error of K coefficients due to rounding, in steps squared.

    Parameters
    ----------
    sigma : (C,)
        Noise at the inputs, in steps.
    tones : (P, C)
        Deviation of the channels from their mean at each phase of the period, in steps.
    weights : (K, P)
        Weights such that the coefficients are weights @ samples.
    """
    total = np.zeros((len(weights), tones.shape[1]))
    left = mean_square(sigma)
    gain = np.zeros_like(total)
    for k in range(1, HARMONICS + 1):
        share = np.exp(-((2 * np.pi * k * sigma) ** 2)) / (2 * (np.pi * k) ** 2)
        turned = weights @ np.exp(2j * np.pi * k * tones)
        gain = turned.real**2 + turned.imag**2
        total += share * gain
        left = left - share
    return total + np.maximum(left, 0.0) * gain


def rounding_of_window(sigma: Array, theta: Array, basis: Array, weights: Array, pilot: int | None) -> Array:
    """Mean square (1 + F, C) of the error of DC and of each tone due to rounding, in steps squared.

    A tone of a step or less may be read too small, too large or not at all, so its reading is no guide to its error.
    It is assumed to have any amplitude up to the typical one of the other channels, or up to the largest amplitude that
    could be hidden in all channels.

    Parameters
    ----------
    sigma : (C,)
        Noise at the inputs, in steps.
    theta : (1 + 2F, C)
        The coefficients that were fitted, in steps.
    basis, weights : (P, 1 + 2F), (1 + 2F, P)
        The fit at each phase of the period.
    pilot : int or None
        Column of the channel that carries the pilot, which is left out of the typical amplitude.
    """
    channels = theta.shape[1]
    read = np.hypot(theta[1::2], theta[2::2])
    others = np.delete(read, pilot, axis=1) if pilot is not None else read
    typical = np.sqrt(np.mean(others**2, axis=1, keepdims=True)) if others.shape[1] else np.zeros((len(read), 1))
    hidden = np.broadcast_to(np.clip(typical, 0.5 / (channels + 1), WORST_TONE), read.shape)
    small = read < hidden
    total = np.zeros((1 + len(read), channels))
    for near, part in zip(NEARBY, HIDDEN, strict=True):
        waves = near * theta[1:]
        dc = rounding_variance(sigma, basis[:, 1:] @ waves, weights[:1])
        waves[0::2][small], waves[1::2][small] = part * hidden[small], 0.0
        tones = rounding_variance(sigma, basis[:, 1:] @ waves, weights[1:])
        total += np.concatenate((dc, tones[0::2] + tones[1::2])) / len(NEARBY)
    unseen = (read == 0) & (sigma == 0)
    total[1:][unseen] = (0.5 * hidden[unseen]) ** 2
    return total
