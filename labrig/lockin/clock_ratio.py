"""The ratio of a source's clock to the digitizer's, from the way the pilot drifts off its nominal frequency.

20 ppm over 1 s put 6 % of a tone into one that is a hundredth of it, because the window no longer holds whole cycles.
Tones are fitted again where they are: at the ratio times their nominal frequencies.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

CERTAIN = 4.0
"""Standard errors from 1, beyond which a ratio is taken for real."""

LEAST_PHASE_RAD = 1e-6
"""Change of a tone's phase over the window, below which a ratio does not matter."""

LARGEST = 1e-3
"""Deviation of a ratio from 1, beyond which it is no clock: instruments are within 50 ppm, some boards within 200."""

NO_VARIANCE = 1e-30
"""Variance of the rounding of floating point numbers (V²)."""


class ClockRatio:
    """Compares the clocks by the pilot in windows of N samples.

    Parameters
    ----------
    omegas : (F,)
        Nominal frequencies of the pilot's tones (rad per sample).
    samples : int
        N.
    period : int or None
        Samples after which the tones repeat, if the residual is what does not repeat with it.
    """

    def __init__(self, omegas: Array, samples: int, period: int | None = None) -> None:
        time = np.arange(samples) - (samples - 1) / 2
        # What is the same in every period is not in the residual.
        late = time if period is None else period * (np.arange(samples) // period - (samples / period - 1) / 2)
        phase = np.outer(omegas, time)
        self._slopes = omegas[:, np.newaxis] * late * np.stack((-np.sin(phase), -np.cos(phase)))
        self._squares = (self._slopes**2).sum(axis=-1)
        self._window = float(omegas.max()) * samples

    def off(self, residual: Array, theta: Array, variance: float) -> tuple[float, float]:
        """Ratio less 1 and its standard error, as long as it is small.

        Parameters
        ----------
        residual : (N,)
            Of the pilot (V).
        theta : (1 + 2F,)
            Its fit.
        variance : float
            Of a sample (V²).
        """
        cosine, sine = theta[1::2], theta[2::2]
        along = self._slopes @ residual
        size = float(self._squares[0] @ cosine**2 + self._squares[1] @ sine**2)
        if size == 0:
            return 0.0, math.inf
        moved = float(along[0] @ cosine - along[1] @ sine)
        return moved / size, math.sqrt(max(variance, NO_VARIANCE) / size)

    def matters(self, off: float, u: float) -> bool:
        """Whether a ratio is certainly not 1, and turns a tone's phase within a window."""
        return LARGEST > abs(off) > CERTAIN * u and abs(off) * self._window > LEAST_PHASE_RAD
