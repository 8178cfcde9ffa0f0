"""Lock-in of ½u², the local quantity ∂E/∂θ of a resistive edge with the drop u, where two tones beat.

In ½u² the product of two tones appears at their difference frequency: with the activation at f₁ and an error at f₂, ½u²
has a component at f₂ − f₁ (at f₂ if the activation is DC). It is computed from the samples, so it includes all
harmonics of a nonlinear network. For a drop u = Σ_k c_k v_k it is ½ Σ_kl c_k c_l Q_kl with Q_kl = Σ_n w_n v_k v_l,
where w is the reference: one weighted product of all channels serves every edge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from labrig.lockin.curved_drops import CurvedDrops
from labrig.lockin.drops import Drops

Array = NDArray[np.float64]

HARMONICS = 64
"""Highest harmonic of the strong tones whose skew is corrected."""

WEAK_ORDER = 2
"""Highest order, in the weak tones, of the intermodulation products whose skew is corrected."""


@dataclass(frozen=True, slots=True)
class HalfSquares:
    """Amplitude of ½u² of every drop u in phase with each of R beats (V²).

    Parameters
    ----------
    value : (R, E) array
        The amplitudes.
    standard_error : (R, E) array
        Standard error due to noise.
    systematic : (R, E) array
        Standard uncertainty due to zero, gain and rounding of the channels; the same error in every acquisition.
    """

    value: Array
    standard_error: Array
    systematic: Array


@dataclass(frozen=True, slots=True)
class ChannelErrors:
    """Uncertainties of the samples of a window.

    Parameters
    ----------
    edge_variance : (E,) array
        Variance of the noise of each drop, per sample (V²).
    u_gain : float
        Standard uncertainty of a channel's gain (relative).
    u_offset_v : float or (C,) array
        Standard uncertainty of a channel's zero (V).
    rounding_variance : (C,) array
        Variance of the rounding error in the mean of all samples at one phase (V²); 0 if noise averages it away.
    phases : int
        Number of different phases in the window, which is the number of samples in one period.
    """

    edge_variance: Array
    u_gain: float
    u_offset_v: float | Array
    rounding_variance: Array
    phases: int


def lock_in_half_squares(volts: Array, references: Array, drops: Drops, errors: ChannelErrors) -> HalfSquares:
    """Lock in ½u² of every drop.

    Parameters
    ----------
    volts : (N, C) array
        Samples of all channels at the same times (V).
    references : (R, N) array
        Weights of the samples for each beat, 2/N · cos(Δω t + φ) over whole cycles.
    drops : Drops
        The drops as combinations of channels.
    errors : ChannelErrors
        Uncertainties of the samples.
    """
    found = np.array([_one(volts, reference, drops, errors) for reference in references])
    return HalfSquares(*found.transpose(1, 0, 2))


def _one(volts: Array, reference: Array, drops: Drops, errors: ChannelErrors) -> tuple[Array, Array, Array]:
    """Value, standard error and systematic uncertainty, (E,) each, at one beat."""
    if isinstance(drops, CurvedDrops):
        return _one_curved(volts, reference, drops, errors)
    terms = drops.terms(volts.T @ (reference[:, np.newaxis] * volts))
    squares = reference**2
    # δ(½u²) = u·δu + ½δu² for every sample; different samples have independent noise.
    at_noise = drops.terms(volts.T @ (squares[:, np.newaxis] * volts)).sum(axis=0)
    sigma2 = errors.edge_variance
    noise = sigma2 * at_noise + 0.5 * sigma2**2 * squares.sum()
    gain = errors.u_gain**2 * (terms**2).sum(axis=0)
    offsets = np.broadcast_to(np.square(errors.u_offset_v), drops.channels)
    zero = drops.of_squares(offsets) * drops.of(reference @ volts) ** 2
    # Rounding is the same for all samples at one phase, so each phase counts once.
    rounding = drops.of_squares(errors.rounding_variance) * at_noise * len(volts) / errors.phases
    return 0.5 * terms.sum(axis=0), np.sqrt(np.maximum(noise, 0.0)), np.sqrt(np.maximum(gain + zero + rounding, 0.0))


def _one_curved(
    volts: Array, reference: Array, drops: CurvedDrops, errors: ChannelErrors
) -> tuple[Array, Array, Array]:
    """Like `_one`, but from the drop of every sample; the errors are those of the drops linearized at their mean."""
    u = drops.values(volts)
    at_noise = reference**2 @ u**2
    sigma2 = errors.edge_variance
    noise = sigma2 * at_noise + 0.5 * sigma2**2 * (reference**2).sum()
    gain = errors.u_gain**2 * sum((reference @ (u * share)) ** 2 for share in drops.shares(volts))
    offsets = np.broadcast_to(np.square(errors.u_offset_v), drops.channels)
    zero = drops.of_squares(offsets) * (reference @ u) ** 2
    rounding = drops.of_squares(errors.rounding_variance) * at_noise * len(volts) / errors.phases
    return 0.5 * (reference @ u**2), np.sqrt(np.maximum(noise, 0.0)), np.sqrt(gain + zero + rounding)


def simultaneous(
    volts: Array, cycles: Sequence[int], strong: Sequence[int], skew_s: Sequence[float], sample_rate_hz: float
) -> Array:
    """Shift the samples of channels that were converted later than the first channel to the time of the first.

    The whole window is shifted by FFT. Each line is shifted by the phase for its true frequency, because harmonics
    beyond half the sample rate are aliased to other lines.

    Parameters
    ----------
    volts : (N, C) array
        A window that contains whole cycles of every tone.
    cycles : sequence of F int
        Cycles of each tone in the window.
    strong : sequence of int
        Indices of the strong tones, whose harmonics are corrected up to HARMONICS; other tones up to order WEAK_ORDER.
    skew_s : sequence of C float
        Delay of each channel within a scan (s).
    sample_rate_hz : float
        Scans per second (Hz).
    """
    samples = len(volts)
    true = np.arange(samples // 2 + 1, dtype=np.float64)
    known = np.zeros(len(true), dtype=np.bool_)
    for cycle in _products(cycles, strong):
        line = cycle % samples
        if line < len(true) and not known[line]:
            true[line], known[line] = cycle, True
    lag = 2 * np.pi * sample_rate_hz / samples * np.outer(true, skew_s)
    return np.fft.irfft(np.fft.rfft(volts, axis=0) * np.exp(-1j * lag), n=samples, axis=0)


def _products(cycles: Sequence[int], strong: Sequence[int]) -> Iterator[int]:
    """Yield the cycles per window of the products of tones, in ascending order of the products."""
    weak = [k for k in range(len(cycles)) if k not in strong]
    few = range(-WEAK_ORDER, WEAK_ORDER + 1)
    orders = [range(-HARMONICS, HARMONICS + 1) if k in strong else few for k in range(len(cycles))]
    factors = [m for m in product(*orders) if sum(abs(m[k]) for k in weak) <= WEAK_ORDER]
    for m in sorted(factors, key=lambda m: sum(map(abs, m))):
        yield sum(factor * cycle for factor, cycle in zip(m, cycles, strict=True))
