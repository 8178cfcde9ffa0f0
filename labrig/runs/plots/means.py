"""Means over several steps, for a loss that scatters from step to step. The dashboard's common.js does the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BINS = 150
LEAST_STEPS = 10
LEAST_FOR_MEANS = 200
"""Number of steps below which the loss falls too much within ten steps for their mean to say anything."""


def mean_width(count: int) -> int:
    """Return the number of steps over which to average, for this number of steps; 1 if there are too few for means."""
    return max(-(-count // BINS), LEAST_STEPS) if count >= LEAST_FOR_MEANS else 1


def binned(step: NDArray[np.int64], values: Array, width: int) -> tuple[NDArray[np.int64], Array]:
    """Return the middle step of each bin, and the values in the bins (bins, width), with NaN after the last step.

    Bins with fewer than two values are left out; if the width is 1, only empty bins are.
    """
    starts = np.arange(0, len(step), width)
    padded = np.full(len(starts) * width, np.nan)
    padded[: len(values)] = values
    bins = padded.reshape(len(starts), width)
    middle = (starts + np.minimum(starts + width, len(step))) // 2
    enough = np.isfinite(bins).sum(axis=1) >= min(2, width)
    return step[middle[enough]], bins[enough]
