"""Lock-in of ½u², the local quantity ∂E/∂θ of a resistive edge with the drop u, where two tones beat.

In ½u² the product of two tones stands at their difference: with the activation at f₁ and an error at f₂, ½u² has a
component at f₂ − f₁ (at f₂ if the activation is DC). It is read from the samples, so it contains all harmonics of a
nonlinear network. ½u² of a drop u = Σ_k c_k v_k is ½ Σ_kl c_k c_l Q_kl with Q_kl = Σ_n w_n v_k v_l, where w is the
reference: one weighted product of all channels serves every edge.
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
"""Harmonics of the strong tones whose skew is corrected."""

WEAK_ORDER = 2
"""Order in the weak tones of the products whose skew is corrected."""


@dataclass(frozen=True, slots=True)
class HalfSquares:
    """Amplitude of ½u² of every drop u in phase with each of R beats (V²).

    Parameters
    ----------
    value : (R, E) array
    standard_error : (R, E) array
        From noise.
    systematic : (R, E) array
        Standard uncertainty from zero, gain and rounding of the channels; the same in every acquisition.
    """

    value: Array
    standard_error: Array
    systematic: Array


@dataclass(frozen=True, slots=True)
class ChannelErrors:
    """What is known of the errors of a reading.

    Parameters
    ----------
    edge_variance : (E,) array
        Variance of the noise of each drop, per sample (V²).
    u_gain : float
        Standard uncertainty of a channel's gain (relative).
    u_offset_v : float or (C,) array
        Standard uncertainty of a channel's zero (V).
    rounding_variance : (C,) array
        Variance of what rounding leaves in the mean of all samples at one phase (V²); 0 if noise averages it away.
    phases : int
        Number of such phases in the window: the samples of one period.
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
        Simultaneous samples.
    references : (R, N) array
        Weight of each sample, 2/N · cos(Δω t + φ) over whole cycles.
    drops : Drops
    errors : ChannelErrors
    """
    found = np.array([_one(volts, reference, drops, errors) for reference in references])
    return HalfSquares(*found.transpose(1, 0, 2))


def _one(volts: Array, reference: Array, drops: Drops, errors: ChannelErrors) -> tuple[Array, Array, Array]:
    """Value, standard error and systematic uncertainty, (E,) each, at one beat."""
    if isinstance(drops, CurvedDrops):
        return _one_curved(volts, reference, drops, errors)
    terms = drops.terms(volts.T @ (reference[:, np.newaxis] * volts))
    squares = reference**2
    # δ(½u²) = u·δu + ½δu² of every sample; different samples have independent noise.
    at_noise = drops.terms(volts.T @ (squares[:, np.newaxis] * volts)).sum(axis=0)
    sigma2 = errors.edge_variance
    noise = sigma2 * at_noise + 0.5 * sigma2**2 * squares.sum()
    gain = errors.u_gain**2 * (terms**2).sum(axis=0)
    offsets = np.broadcast_to(np.square(errors.u_offset_v), drops.channels)
    zero = drops.of_squares(offsets) * drops.of(reference @ volts) ** 2
    # The same at every sample of a phase, so each phase counts once.
    rounding = drops.of_squares(errors.rounding_variance) * at_noise * len(volts) / errors.phases
    return 0.5 * terms.sum(axis=0), np.sqrt(np.maximum(noise, 0.0)), np.sqrt(np.maximum(gain + zero + rounding, 0.0))


def _one_curved(
    volts: Array, reference: Array, drops: CurvedDrops, errors: ChannelErrors
) -> tuple[Array, Array, Array]:
    """As `_one`, from the drop of every sample; the errors are those of the drops linearized at their mean."""
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
    """Shift the samples of channels that were converted later than the first to the same time.

    The whole window is shifted by FFT, each line by the phase of the frequency that it really has: harmonics beyond
    half the sample rate appear as other lines.

    Parameters
    ----------
    volts : (N, C) array
        A window of whole cycles of every tone.
    cycles : sequence of F int
        Cycles of each tone in the window.
    strong : sequence of int
        Tones whose harmonics count; of the others, products up to order 2.
    skew_s : sequence of C float
        Delay of each channel within a scan (s).
    sample_rate_hz : float
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
    """Cycles of the products of tones, those of low order first."""
    weak = [k for k in range(len(cycles)) if k not in strong]
    few = range(-WEAK_ORDER, WEAK_ORDER + 1)
    orders = [range(-HARMONICS, HARMONICS + 1) if k in strong else few for k in range(len(cycles))]
    factors = [m for m in product(*orders) if sum(abs(m[k]) for k in weak) <= WEAK_ORDER]
    for m in sorted(factors, key=lambda m: sum(map(abs, m))):
        yield sum(factor * cycle for factor, cycle in zip(m, cycles, strict=True))
