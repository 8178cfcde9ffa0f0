"""Noise at the frequencies where it matters: beside every tone, and near DC.

White noise has the same density everywhere, so the scatter of all samples gives the standard error of a tone. Flicker,
hum and drift do not: the true error of DC is larger than the scatter suggests, and the error of a tone may be smaller,
because they inflate the scatter. The residual of the window is therefore projected onto frequencies beside each tone
(whole cycles per window away from it), where nothing is played. If the noise is white, nothing else is done. Otherwise
the density beside each tone is used. A density from n frequencies has 2n degrees of freedom, so deviations follow
Student's t rather than a normal distribution, and the stated variance is that of Student's t. There are no frequencies
below DC: its density is extrapolated as white noise plus flicker (1/f) down to LOWEST cycles per window. Slower noise
is not visible in a single window.

Source: D. B. Percival and A. T. Walden, *Spectral Analysis for Physical Applications*, Cambridge 1993, chapters 6–7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.lockin.drops import Drops

Array = NDArray[np.float64]

NEIGHBORS = 11
"""Frequencies on each side of a tone: 22 in total give a standard error that is accurate to 11 %."""

FEWEST = 6
"""With fewer free frequencies than this, the noise is assumed to be white."""

LOWEST = 1 / 20
"""Flicker is extrapolated below one cycle per window, down to this number of cycles per window."""

AT_DC = 2 * (1.5 - 0.5772156649 - np.log(2 * np.pi * LOWEST))
"""Variance of a mean due to flicker of density 1/κ at κ cycles per window, in units of that due to white noise of
density 1: 2 ∫ sinc²(κ)/κ dκ from LOWEST."""

LOOKED_AT = 32
"""Largest number of drops whose noise is tested for whiteness: every drop costs time in every acquisition."""

SURE = 2.5
"""Deviation of the density beside a tone from the mean density, in standard errors, beyond which noise is not white."""

ONE_DROP = 2.5
"""Ratio of the density beside a tone to the mean density, in a single drop, beyond which noise is not white."""

NO_NOISE_V = 1e-12
"""Noise below this is only rounding of floating-point numbers (V)."""


@dataclass(frozen=True, slots=True)
class Density:
    """Noise density at DC and at each tone, as the variance per sample (V²) of white noise of that density.

    channels: (1 + F, C) densities of the channels, or (C,) if all rows are the same. drops: (1 + F, E) densities of the
    drops.
    """

    channels: Array
    drops: Array


class NoiseSpectrum:
    """Estimates the noise density beside F tones and near DC from residuals of windows of N samples.

    Parameters
    ----------
    cycles : (F,)
        Cycles of each tone in a window.
    samples : int
        N.
    period : int or None
        Samples after which all tones repeat. The residual contains nothing at multiples of the corresponding frequency.
    angles : (1 + F, C)
        Rotation of each channel's phase at DC and at each tone (rad).
    drops : Drops
        The drops as combinations of channels, without rotation.
    """

    def __init__(self, cycles: Array, samples: int, period: int | None, angles: Array, drops: Drops) -> None:
        self._drops = drops
        played = np.array([0.0, *cycles])
        taken = np.arange(0.0, samples / 2, samples / period) if period is not None else played
        bins = [_free(center, taken, played, samples) for center in played]
        self._groups = bins
        self._centers = played
        self._ends = np.cumsum([0, *(len(group) for group in bins)])
        time = np.arange(samples) - (samples - 1) / 2
        phase = 2 * np.pi / samples * np.outer(np.concatenate(bins), time)
        # Cosines stacked on sines, so that one real product computes both.
        self._rows = np.concatenate((np.cos(phase), np.sin(phase))) / np.sqrt(samples)
        self._turn = np.exp(-1j * angles)
        some = drops.some(LOOKED_AT)
        self._independent = _independent(some.matrix)
        # On a large board only some channels are needed; on a small one it costs more to pick them out.
        channels = angles.shape[1]
        self._some_columns = some.columns if 2 * len(some.columns) < channels else slice(None)
        of_channels = np.zeros((channels, len(some.rows)), dtype=np.float32)
        of_channels[some.columns] = some.matrix.T
        self._some = of_channels[self._some_columns]
        # The test uses only half of the frequencies beside a tone.
        tested = [
            first + np.arange(0, len(group), 1 if row == 0 else 2)
            for row, (first, group) in enumerate(zip(self._ends, bins, strict=False))
        ]
        rows = [row for row, group in enumerate(tested) if len(group) >= FEWEST and len(some.rows)]
        chosen = np.concatenate([np.zeros(0, dtype=np.intp), *(tested[row] for row in rows)])
        # Single precision is enough: the limits are tenths of the noise.
        self._test_rows = self._rows[np.concatenate((chosen, chosen + len(self._rows) // 2))].astype(np.float32)
        counts = np.array([len(tested[row]) for row in rows], dtype=np.intp)
        # Mean over the frequencies beside each tone of the squared cosine and sine coefficients.
        means = np.repeat(np.eye(len(counts)), counts, axis=1) / counts[:, np.newaxis]
        self._test_means = np.concatenate((means, means), axis=1)
        self._over_drops = np.full(len(some.rows), 1 / max(1, len(some.rows)))
        self._tested = np.array(rows, dtype=np.intp)[:, np.newaxis], some.rows
        # The power at one frequency of one drop has the relative standard error 1.
        self._test_limits = SURE / np.sqrt(self._independent * counts)

    def is_white(self, residual: Array, scatter: Density) -> bool:
        """Whether the noise density of the residual (N, C) beside every tone and near DC agrees with its scatter.

        The test looks at drops instead of channels, because noise that all channels share does no harm.
        """
        if not len(self._test_limits):
            return True
        found = (self._test_rows @ residual[:, self._some_columns].astype(np.float32)) @ self._some
        power = self._test_means @ np.square(found, dtype=np.float64)
        scale = scatter.drops[self._tested]
        if scale.min() <= NO_NOISE_V**2:
            if scale.max() <= NO_NOISE_V**2:
                return True
            scale = np.where(scale > NO_NOISE_V**2, scale, np.inf)
        ratio = power / scale
        mean = ratio @ self._over_drops
        return bool((np.abs(mean - 1.0) < self._test_limits).all() and ratio.max() < ONE_DROP)

    def density(self, residual: Array, scatter: Density, avoid: Array) -> Density:
        """Return the noise density beside every tone and near DC.

        Parameters
        ----------
        residual : (N, C)
            Residual of the fit (V).
        scatter : Density
            Density from the scatter of all samples, which is used where too few frequencies are free.
        avoid : (M,)
            Cycles per window of waves that were fitted besides the tones, such as harmonics of the mains.
        """
        found = self._rows @ residual
        half = len(found) // 2
        channels: list[Array] = []
        edges: list[Array] = []
        for row, (first, bins) in enumerate(zip(self._ends, self._groups, strict=False)):
            kept = first + np.flatnonzero(np.abs(bins[:, np.newaxis] - avoid).min(axis=1, initial=np.inf) > 0.75)
            if len(kept) < FEWEST:
                channels.append(scatter.channels)
                edges.append(scatter.drops[row])
                continue
            # Drops are formed from the channels' phasors after correction of the skew.
            turned = (found[kept] - 1j * found[half + kept]) * self._turn[row]
            squares = turned.real**2 + turned.imag**2
            real, imaginary = self._drops.of(turned.real), self._drops.of(turned.imag)
            of_drops = real**2 + imaginary**2
            pooled = (of_drops if self._drops.edges else squares).mean(axis=1)
            shape = self._shape(row, bins[kept - first], pooled)
            raised = len(kept) / (len(kept) - 1)  # ν/(ν − 2), the variance of Student's t with ν = 2n
            channels.append(raised * (squares / shape).mean(axis=0))
            edges.append(raised * (of_drops / shape).mean(axis=0))
        return Density(np.array(channels), np.array(edges))

    def _shape(self, row: int, bins: Array, pooled: Array) -> Array:
        """(n, 1) density at `bins` relative to that at DC or at the tone, from the mean over drops `pooled` (n,)."""
        if row == 0:
            white, flicker = _white_and_flicker(bins, pooled, self._independent)
            at_dc = white + AT_DC * flicker
            return ((white + flicker / bins) / at_dc)[:, np.newaxis] if at_dc > 0 else np.ones((len(bins), 1))
        if not pooled.all():
            return np.ones((len(bins), 1))
        away = np.log(bins / self._centers[row])
        level = np.log(pooled)
        apart = away - away.mean()
        slope = float(apart @ level / (apart @ apart))
        return np.asarray(np.exp(slope * away), dtype=np.float64)[:, np.newaxis]


def _independent(matrix: Array) -> float:
    """Number of independent drops that tell as much about noise as those of `matrix` (R, K), which share channels."""
    covariance = matrix @ matrix.T
    size = np.sqrt(covariance.diagonal())
    correlation = covariance / np.outer(size, size) if len(size) else np.ones((1, 1))
    return len(correlation) ** 2 / float(np.sum(correlation**2))


def _free(center: float, taken: Array, played: Array, samples: int) -> Array:
    """Frequencies beside `center` at which there is only noise, in cycles per window."""
    steps = np.arange(1, NEIGHBORS + 1) if center == 0 else np.r_[-NEIGHBORS:0, 1 : NEIGHBORS + 1]
    bins = center + steps
    bins = bins[(bins > 0.5) & (bins < samples / 2 - 0.5)]
    away = np.abs(bins[:, np.newaxis] - np.concatenate((taken, played))).min(axis=1)
    return np.asarray(bins[away > 0.75], dtype=np.float64)


def _white_and_flicker(bins: Array, density: Array, independent: float) -> tuple[float, float]:
    """White part w ≥ 0 and flicker A ≥ 0 in density = w + A/bins, by least squares with relative weights.

    A is set to 0 unless it exceeds two standard errors. `independent` is the number of independent drops in `density`.
    """
    if not density.any():
        return 0.0, 0.0
    columns = np.stack((np.ones_like(bins), 1 / bins), axis=1)
    model = density
    white, flicker = float(np.mean(density)), 0.0
    for _ in range(3):
        weighted = columns / np.maximum(model, 1e-3 * density.max())[:, np.newaxis]
        inverse = np.linalg.pinv(weighted)
        found = inverse @ (density / np.maximum(model, 1e-3 * density.max()))
        if found[1] < 2 * np.sqrt(np.sum(inverse[1] ** 2) / independent):
            white, flicker = float(np.mean(density)), 0.0
        elif found[0] < 0:
            white, flicker = 0.0, float(np.mean(density * bins))
        else:
            white, flicker = float(found[0]), float(found[1])
        model = columns @ (white, flicker)
    return white, flicker
