"""The ratio of the source's clock to the digitizer's clock, from the deviation of the pilot from its nominal frequency.

A clock error of 20 ppm in a window of 1 s changes a tone that is a hundredth of its neighbour by 6 %, because the
window no longer holds whole cycles. Tones are therefore fitted again at their real frequencies: the ratio times the
nominal frequencies.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CERTAIN = 4.0
"""Deviation of a ratio from 1, in standard errors, beyond which the clocks count as different."""

LEAST_PHASE_RAD = 1e-6
"""Change of a tone's phase over the window, below which a difference of the clocks does not matter."""

LARGEST = 1e-3
"""Deviation of a ratio from 1, beyond which it is not due to a clock: instruments are within 50 ppm, some boards within
200 ppm."""

NO_VARIANCE = 1e-30
"""Variance of the rounding of floating point numbers (V²)."""


class ClockRatio:
    """Compares the clocks of source and digitizer by the pilot, in windows of N samples.

    Parameters
    ----------
    omegas : (F,)
        Nominal frequencies of the pilot's tones (rad per sample).
    samples : int
        N.
    period : int or None
        Samples after which the tones repeat, if the periodic part was removed from the residual; otherwise None.
    """

    def __init__(self, omegas: Array, samples: int, period: int | None = None) -> None:
        time = np.arange(samples) - (samples - 1) / 2
        # The residual does not contain the part that is the same in every period.
        late = time if period is None else period * (np.arange(samples) // period - (samples / period - 1) / 2)
        phase = np.outer(omegas, time)
        slopes = omegas[:, np.newaxis, np.newaxis] * late * np.stack((-np.sin(phase), np.cos(phase)), axis=1)
        self._slopes = slopes.reshape(-1, samples)  # (2F, N), in the order of the parameters
        self._squares = (self._slopes**2).sum(axis=-1)
        self._window = float(omegas.max()) * samples

    def off(self, residual: Array, theta: Array, variance: float) -> tuple[float, float]:
        """Return the ratio minus 1, estimated to first order, and its standard error.

        Parameters
        ----------
        residual : (N,)
            Residual of the pilot (V).
        theta : (1 + 2F,)
            Parameters of the fit to the pilot (V).
        variance : float
            Noise variance of a sample (V²).
        """
        amplitudes = theta[1:]
        size = float(self._squares @ amplitudes**2)
        if size == 0:
            return 0.0, math.inf
        moved = float((self._slopes @ residual) @ amplitudes)
        return moved / size, math.sqrt(max(variance, NO_VARIANCE) / size)

    def matters(self, off: float, u: float) -> bool:
        """Whether a ratio of 1 + off with standard error u certainly differs from 1 and noticeably rotates a tone."""
        return LARGEST > abs(off) > CERTAIN * u and abs(off) * self._window > LEAST_PHASE_RAD
