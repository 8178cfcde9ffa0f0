"""Axes that one outlier does not stretch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labrig.runs.plots.canvas import label_decades

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
DECADES = 1.5
"""Values that span more decades are drawn on a logarithmic axis."""


def fit(axis: Axes, values: Array, always: Array | None = None) -> int:
    """Scale the vertical axis for nearly all values: logarithmic over decades, with zeros in a linear section below.

    Parameters
    ----------
    axis : Axes
        The axes.
    values : array
        Values, a few of which may lie outside.
    always : array, optional
        Values that must lie inside.

    Returns
    -------
    int
        Number of values that lie outside.
    """
    values = values[np.isfinite(values)]
    inside = np.empty(0) if always is None else always[np.isfinite(always)]
    every = np.concatenate([values, inside])
    if not len(every):
        return 0
    if every.min() >= 0 and _decades(every[every > 0]) > DECADES:
        kept = np.concatenate([np.exp(_usual(np.log(values[values > 0]), np.log(100))), inside[inside > 0]])
        bottom = float(kept.min()) / 1.3
        if every.min() > 0:
            axis.set_yscale("log", nonpositive="mask")
        else:
            least = float(10 ** np.floor(np.log10(kept.min())))
            axis.set_yscale("symlog", linthresh=least)
            bottom = -0.5 * least
        label_decades(axis.yaxis)
        axis.set_ylim(bottom, float(kept.max()) * 1.3)
    else:
        kept = np.concatenate([_usual(values), inside])
        low, high = float(kept.min()), float(kept.max())
        room = 0.06 * (high - low or abs(high) or 1.0)
        axis.set_ylim(low - room, high + room)
    bottom, top = axis.get_ylim()
    return int(((values < bottom) | (values > top)).sum())


def _decades(positive: Array) -> float:
    """Return how many decades these values span, without the highest and the lowest fiftieth."""
    if not len(positive):
        return 0.0
    low, high = np.quantile(positive, (0.02, 0.98), method="nearest")
    return float(np.log10(high / low))


def _usual(values: Array, least: float = 0.0) -> Array:
    """Return the values within four interquartile ranges, or `least`, of the quartiles; all if a tenth lies beyond."""
    if len(values) < 8:
        return values
    first, third = np.quantile(values, (0.25, 0.75))
    room = max(4 * (third - first), least)
    usual = values[(values >= first - room) & (values <= third + room)]
    return usual if len(usual) >= 0.9 * len(values) else values


def outside(count: int, what: str) -> str:
    """Return a sentence about values that lie outside an axis; empty if there are none."""
    return f" {count} {what}{'' if count == 1 else 's'} outside the axis." if count else ""
