"""The learning curves: loss of every step, and metrics of the evaluations."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from labrig.runs.journal import Record
from labrig.runs.plots import RunData
from labrig.runs.plots.canvas import new_figure
from labrig.runs.plots.means import binned, mean_width
from labrig.runs.plots.scales import fit
from labrig.runs.units import figure_unit, is_figure, loss_unit

Array = NDArray[np.float64]
PANELS = (
    ("accuracy", ("test_accuracy", "train_accuracy")),
    ("patterns right", ("patterns_right",)),
    ("rms", ("rms", "test_rms")),
)
"""Panels for the evaluations: axis label, and the metrics on it."""


def draw(run: RunData) -> Figure | None:
    """Draw the learning curves; None for a run without a step."""
    return learning_curves(run.record, run.meta) if len(run.record.step) else None


def learning_curves(record: Record, meta: dict[str, Any]) -> Figure:
    """Draw the loss of every step, and the metrics of the evaluations as markers without lines between them."""
    found = {name for evaluation in record.evaluations for name in evaluation.metrics}
    panels = [
        (label, [name for base in bases for name in sorted(found) if is_figure(name, base)]) for label, bases in PANELS
    ]
    panels = [(label, names) for label, names in panels if names]
    height = 3 + 1.6 * len(panels)
    figure = new_figure(7, height)
    ratios = [2.6, *[1.6] * len(panels)]
    axes = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    figure.subplots_adjust(left=0.12, right=0.98, bottom=0.5 / height, top=1 - 0.55 / height, hspace=0.1)
    _draw_loss(axes[0], record)
    state = meta.get("board", {}).get("state", {"unit": "V"})["unit"]
    unit = loss_unit(meta["card"].get("loss"), state)
    axes[0].set_ylabel(f"loss ({unit})" if unit else "loss")
    axes[0].set_title(f"{meta['name']}, seed {meta['seed']}", pad=20)
    for axis, (label, names) in zip(axes[1:], panels, strict=True):
        values = np.concatenate([_draw_evaluations(axis, record, name) for name in names])
        if label == "accuracy":
            axis.set_ylim(min(0.3, axis.get_ylim()[0]), 1.02)
        elif label == "patterns right":
            axis.set_ylim(-0.2, max(4, np.nanmax(values)) + 0.2)
        else:
            fit(axis, np.empty(0), values)
        axis.set_ylabel(f"{label} ({unit})" if (unit := figure_unit(names[0])) else label)
    axes[-1].set_xlabel("step (updates)")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.align_ylabels(axes)
    return figure


def _draw_loss(axis: Axes, record: Record) -> None:
    size = 2 if len(record.step) > 200 else 4
    (each,) = axis.plot(record.step, record.loss, ".", markersize=size, color="0.7")
    always = [_draw_evaluations(axis, record, "loss")]
    if any("test_loss" in evaluation.metrics for evaluation in record.evaluations):
        always.append(_draw_evaluations(axis, record, "test_loss"))
    if (width := mean_width(len(record.step))) > 1:
        at, bins = binned(record.step, record.loss, width)
        always.append(np.nanmean(bins, axis=1))
        axis.plot(at, always[-1], color="C0", label=f"mean of {width} steps")
    left = fit(axis, record.loss, np.concatenate(always))
    each.set_label(f"each step ({left} outside)" if left else "each step")
    # The legend is above the axis, because the axis is full of points.
    axis.legend(ncols=4, frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 0.99), borderpad=0.2)


def _draw_evaluations(axis: Axes, record: Record, name: str) -> Array:
    """Draw markers for one metric, the same on every axis so that one legend is enough; return the values."""
    values = np.array([evaluation.metrics.get(name, np.nan) for evaluation in record.evaluations], dtype=float)
    steps = [evaluation.step for evaluation in record.evaluations]
    if name.startswith("test_"):
        axis.plot(steps, values, "s", markersize=7, color="C2", fillstyle="none", label="test set", zorder=3)
    else:
        axis.plot(steps, values, "o", markersize=5, color="C1", label="training set", zorder=3)
    return values
