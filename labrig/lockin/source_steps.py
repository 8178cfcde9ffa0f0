"""Errors of tones due to the steps of the sources' converters, which repeat with the tones.

A source rounds every sample, and this error repeats with the tone. It appears at odd multiples of the tone's frequency,
because a sine is rounded alike in both half-waves, and at the tone itself, where it cannot be distinguished from the
tone. Its effect there depends on the phase at which the digitizer started, so the same excitation is read slightly
differently every time. The power at the other multiples, aliased into the first half of the spectrum, shows the size of
this effect. Multiples that stand out are harmonics of a nonlinear network and are left out.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from labrig.lockin.drops import Drops
from labrig.lockin.noise_spectrum import LOOKED_AT, SURE, Density

Array = NDArray[np.float64]

HARMONIC = 10.0
"""Power of a multiple, relative to the lower quartile, above which it counts as a harmonic of the network."""

FEWEST = 3
"""Smallest number of multiples from which the effect is estimated."""


class SourceSteps:
    """Estimates the effect of the sources' steps from the harmonics in windows of N samples.

    Parameters
    ----------
    cycles : (F,)
        Cycles of each tone in a window.
    samples, period : int
        N, and the number of samples after which all tones repeat.
    drops : Drops
        The drops as combinations of channels.
    """

    def __init__(self, cycles: Array, samples: int, period: int, drops: Drops) -> None:
        self._samples, self._drops, self._edges = samples, drops, drops.edges
        self._looked_at = np.zeros(drops.channels)
        self._looked_at[drops.some(LOOKED_AT).columns] = 1.0  # not the pilot
        tones = np.rint(cycles * period / samples).astype(int)
        bins = np.arange(1, (period + 1) // 2)
        phase = 2 * np.pi / period * np.outer(bins, np.arange(period))
        self._rows = np.concatenate((np.cos(phase), np.sin(phase))) / period
        self._of_tone: list[NDArray[np.intp]] = []
        for tone in tones:
            multiples = np.arange(3, 2 * period, 2) * tone % period
            folded = np.unique(np.minimum(multiples, period - multiples))
            self._of_tone.append(np.flatnonzero(np.isin(bins, np.setdiff1d(folded, tones))))

    def variance(self, periods: Array, scatter: Density) -> tuple[Array, Array] | None:
        """Variance of the in-phase part of each tone due to the steps, for channels (F, C) and drops (F, E), in V².

        None if the multiples of the tones are no stronger than the noise.

        Parameters
        ----------
        periods : (P, C)
            Mean of the window over all periods (V).
        scatter : Density
            Noise of the window.
        """
        found = self._rows @ periods
        bins = len(found) // 2
        cosines, sines = found[:bins], found[bins:]
        power = cosines**2 + sines**2
        # Channels first, which is cheap: if they show nothing, neither do the drops.
        noise = float(scatter.channels @ self._looked_at) / self._samples
        together = power @ self._looked_at
        if not any(_stands_out(together[multiples], noise) for multiples in self._of_tone):
            return None
        of_drops = self._drops.of(cosines) ** 2 + self._drops.of(sines) ** 2
        level = float(scatter.drops[0].mean()) / self._samples
        channels, drops = np.zeros((len(self._of_tone), power.shape[1])), np.zeros((len(self._of_tone), self._edges))
        for row, multiples in enumerate(self._of_tone):
            kept = multiples[_network_left_out(of_drops[multiples].mean(axis=1))]
            if _stands_out(of_drops[kept].mean(axis=1), level):
                channels[row] = power[kept].mean(axis=0) - scatter.channels / self._samples
                drops[row] = of_drops[kept].mean(axis=0) - scatter.drops[0] / self._samples
        return 2 * np.maximum(channels, 0.0), 2 * np.maximum(drops, 0.0)


def _network_left_out(power: Array) -> NDArray[np.bool_]:
    """Mask of the multiples that are not harmonics of a nonlinear network, by their power (n,)."""
    return power <= HARMONIC * np.quantile(power, 0.25)


def _stands_out(power: Array, noise: float) -> bool:
    """Whether multiples of this power (n,) are certainly stronger than noise."""
    if len(power) < FEWEST or float(power.sum()) <= noise * (len(power) + SURE * math.sqrt(len(power))):
        return False
    kept = power[_network_left_out(power)]
    return float(kept.mean()) > noise * (1 + SURE / np.sqrt(len(kept)))
