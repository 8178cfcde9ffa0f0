"""Mains hum in a window: found at its actual frequency, which wanders, and fitted together with the tones.

A window of whole mains cycles rejects hum only at the nominal frequency: 10 mV at 50.1 Hz leave 20 µV in the mean of
20 ms. Fitted hum leaves no error in DC or the tones, and no longer counts as noise.

Noise limits the accuracy of the fitted frequency, and in a window of a few cycles an error of the frequency shifts DC.
The standard error of DC includes this shift; with one cycle and a few channels it makes up to half of the variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

HIGHEST_HARMONIC = 20
"""Highest harmonic of the mains that is fitted; the tone planner avoids the same harmonics."""

STANDS_OUT = 20.0
"""Power of a harmonic, relative to the noise there, above which it is fitted. Weaker harmonics do not matter."""

BESIDE = 3
"""Number of frequencies on each side of a harmonic, one cycle per window apart, at which the noise is estimated."""

SAMPLES_PER_CYCLE = 8
"""Samples are averaged down to this number per cycle of the highest harmonic: enough to find hum, and fast."""

LEAST_CYCLES = 0.9
"""Smallest number of mains cycles in a window; with fewer, hum cannot be distinguished from DC."""

ENOUGH = 1e-5
"""Accuracy of the fitted frequency, in cycles per window: hum of 1 V then leaves 10 µV."""

LARGEST_WANDER = 0.02
"""Largest deviation of the frequency from its nominal value, relative."""


@dataclass(frozen=True, slots=True)
class Hum:
    """Mains hum found in a window.

    cycles: cycles of the fundamental in the window. harmonics: orders of the harmonics found, starting with 1.
    """

    cycles: float
    harmonics: tuple[int, ...]

    def columns(self, samples: int) -> Array:
        """(N, 2H) cosines of all harmonics, then their sines, at the centred times."""
        return _waves(self.cycles, self.harmonics, samples)

    def slopes(self, columns: Array, amplitudes: Array) -> Array:
        """(N, C) derivative of the hum with respect to its frequency (V per rad per sample).

        The hum is `columns` @ `amplitudes`, where `amplitudes` is (2H, C).
        """
        return _slopes(columns, amplitudes, self.harmonics)


def find_hum(residual: Array, nominal_cycles: Sequence[float], tones: Array) -> Hum | None:
    """Find hum in the residual of a window; None if no hum stands out from the noise.

    Parameters
    ----------
    residual : (N, C)
        Residual of the fit of DC and tones (V).
    nominal_cycles : sequence of float
        Cycles per window of the possible mains frequencies.
    tones : (F,)
        Cycles per window of the tones: a harmonic within one cycle of a tone is not fitted.
    """
    usable = [each for each in nominal_cycles if LEAST_CYCLES <= each < len(residual) / 4]
    return _found(residual, max(usable, key=lambda each: _explained(residual, each)), tones) if usable else None


def _explained(residual: Array, cycles: float) -> float:
    """Sum of squares that a wave of one frequency explains, over all channels."""
    waves = _waves(cycles, [1], len(residual))  # cosine and sine are orthogonal at the centred times
    return float(np.sum((waves.T @ residual) ** 2 / np.sum(waves**2, axis=0)[:, np.newaxis]))


def _found(residual: Array, nominal: float, tones: Array) -> Hum | None:
    """Find the hum of one mains frequency; None if there is none."""
    orders = [
        order
        for order in range(1, HIGHEST_HARMONIC + 1)
        if order * nominal < len(residual) / 4 and all(abs(order * nominal - tone) > 1.0 for tone in tones)
    ]
    if orders[:1] != [1]:
        return None
    coarse = _averaged(residual, round(SAMPLES_PER_CYCLE * orders[-1] * nominal))
    if not _standing_out(coarse, nominal, [1]) or _is_drift(coarse, nominal, orders[1:]):
        return None
    cycles = _refined(coarse, nominal, orders)
    kept = _standing_out(coarse, cycles, orders)
    if 1 not in kept:
        return None
    return Hum(_refined(coarse, cycles, kept), tuple(kept))


def _averaged(residual: Array, least: int) -> Array:
    """Average groups of equally many samples over the whole window, into at least `least` means."""
    samples, channels = residual.shape
    each = max((k for k in range(1, max(1, samples // least) + 1) if samples % k == 0), default=1)
    return residual.reshape(-1, each, channels).mean(axis=1)


def _standing_out(residual: Array, cycles: float, orders: Sequence[int]) -> list[int]:
    """Harmonics that are stronger than the noise, which may be white or flicker.

    The noise at a harmonic is the lower quartile of the power beside it, because other harmonics may be there too.
    """
    samples = len(residual)
    left = _without(residual, _waves(cycles, orders, samples))
    position = cycles * np.array(orders)[:, np.newaxis]
    beside = position + np.r_[-BESIDE:0, 1 : BESIDE + 1]
    of_harmonic = np.abs(beside[..., np.newaxis] - position[:, 0]).min(axis=-1) < 0.25
    power = np.where(of_harmonic, _power(residual, beside), _power(left, beside)) * np.maximum(beside / position, 1.0)
    power[(beside < 0.75) | (beside > samples / 2 - 1)] = np.nan
    noise = _lower_quartile(power)
    strong = _power(residual, position)[:, 0] > STANDS_OUT * noise
    return [order for order, is_strong in zip(orders, strong, strict=True) if is_strong]


def _lower_quartile(power: Array) -> Array:
    """(H,) lower quartile of each row of `power` (H, B), without its NaNs; much faster than np.nanquantile."""
    ordered = np.sort(power, axis=1)  # NaNs come last
    place = np.maximum(np.count_nonzero(~np.isnan(power), axis=1) - 1, 0) / 4
    rows, below = np.arange(len(power)), place.astype(np.intp)
    above = np.minimum(below + 1, np.ceil(place).astype(np.intp))
    return ordered[rows, below] + (place - below) * (ordered[rows, above] - ordered[rows, below])


def _waves(cycles: float, orders: Sequence[int], samples: int) -> Array:
    """(N, 2H) cosines of all harmonics, then their sines, at the centred times."""
    phase = 2 * np.pi * cycles / samples * np.outer(np.arange(samples) - (samples - 1) / 2, orders)
    return np.concatenate((np.cos(phase), np.sin(phase)), axis=1)


def _without(residual: Array, columns: Array) -> Array:
    q, _ = np.linalg.qr(columns)
    return residual - q @ (q.T @ residual)


def _power(residual: Array, cycles: Array) -> Array:
    """Total power of all channels at each frequency in `cycles` (cycles per window, any shape)."""
    samples = len(residual)
    phase = 2 * np.pi / samples * np.outer(cycles.ravel(), np.arange(samples) - (samples - 1) / 2)
    power = ((np.cos(phase) @ residual) ** 2 + (np.sin(phase) @ residual) ** 2).sum(axis=1)
    return power.reshape(cycles.shape)


def _is_drift(residual: Array, cycles: float, higher: Sequence[int]) -> bool:
    """Whether a parabola fits the residual better than a wave: in a window of one cycle they look alike."""
    time = np.linspace(-1, 1, len(residual))
    parabola = np.stack((time, time**2 - 1 / 3), axis=1)
    harmonics = _waves(cycles, higher, len(residual))
    of_drift, of_hum = (
        _without(residual, np.concatenate((each, harmonics), axis=1))
        for each in (parabola, _waves(cycles, [1], len(residual)))
    )
    return float(np.sum(of_drift**2)) < float(np.sum(of_hum**2))


def _refined(residual: Array, cycles: float, orders: Sequence[int]) -> float:
    """Cycles per window at which hum of one frequency in all channels fits best, by Gauss–Newton."""
    samples, nominal = len(residual), cycles
    for _ in range(6):
        waves = _waves(cycles, orders, samples)
        columns = np.column_stack((np.ones(samples), waves))
        q, r = np.linalg.qr(columns)
        projected = q.T @ residual
        left, amplitudes = residual - q @ projected, np.asarray(np.linalg.solve(r, projected), np.float64)
        slope = _slopes(waves, amplitudes[1:], orders)
        slope -= q @ (q.T @ slope)  # keep the part that a change of amplitudes cannot imitate
        size = float(np.sum(slope**2))
        if size == 0:
            break
        step = float(np.sum(slope * left)) / size * samples / (2 * np.pi)
        cycles = float(np.clip(cycles + step, nominal * (1 - LARGEST_WANDER), nominal * (1 + LARGEST_WANDER)))
        if abs(step) < ENOUGH:
            break
    return cycles


def _slopes(waves: Array, amplitudes: Array, orders: Sequence[int]) -> Array:
    """(N, C) d/dω of α cos ωm + β sin ωm, summed over the harmonics; `waves` (N, 2H), `amplitudes` (2H, C)."""
    samples = len(waves)
    time = np.outer(np.arange(samples) - (samples - 1) / 2, orders)
    cosines, sines = np.split(waves, 2, axis=1)
    alpha, beta = np.split(amplitudes, 2)
    return np.asarray((time * cosines) @ beta - (time * sines) @ alpha, dtype=np.float64)
