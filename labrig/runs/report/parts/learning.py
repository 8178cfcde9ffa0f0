"""Loss of the steps and metrics of the evaluations, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labrig.runs.plots.colours import BLUE, ORANGE, VERMILION
from labrig.runs.plots.learning import PANELS
from labrig.runs.plots.means import binned, mean_width
from labrig.runs.plots.scales import fit, outside
from labrig.runs.report.blocks import Block, Drawing
from labrig.runs.report.figures import GREY, along_steps, panels
from labrig.runs.report.intervals import Z, interval_of
from labrig.runs.report.reported import Reported
from labrig.runs.units import figure_unit, is_figure, loss_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
TITLE = "Learning"
POINTS = 2000
"""Number of steps up to which every step is a point; if there are more, the band that holds 90 % of them is drawn."""
_LOOK = {"train": (ORANGE, "o", "training set"), "test": (BLUE, "s", "test set")}


def blocks(run: Reported) -> Iterator[Block]:
    """Yield the learning curves."""
    if not run.record.evaluations:
        run.need_steps()
    names = {name for evaluation in run.record.evaluations for name in evaluation.metrics}
    shown = [
        (label, found)
        for label, bases in PANELS
        if (found := [name for base in bases for name in sorted(names) if is_figure(name, base)])
    ]
    count = 1 + len(shown)
    figure, axes = panels(count, 2.2 + 1.5 * len(shown), sharex=True, height_ratios=[1.6, *[1] * len(shown)])
    figure.subplots_adjust(top=1 - 0.5 / figure.get_figheight())
    caption = _loss(axes[0], run)
    for axis, (label, metrics) in zip(axes[1:], shown, strict=True):
        values = np.concatenate([_evaluations(axis, run, name) for name in metrics])
        if label == "accuracy":
            axis.set_ylim(min(0.3, float(np.nanmin(values)) - 0.05), 1.03)
        elif label == "patterns right":
            axis.set_ylim(-0.3, max(4, float(np.nanmax(values))) + 0.3)
        else:
            fit(axis, np.empty(0), values)
        unit = figure_unit(metrics[0])
        axis.set_ylabel(f"{label} ({unit})" if unit else label)
        axis.grid(axis="y")
    along_steps(axes[-1])
    figure.align_ylabels(axes)
    caption += " Bars: 95 % intervals due to the limited number of examples." if shown else ""
    yield Drawing("learning", caption, figure)


def _loss(axis: Axes, run: Reported) -> str:
    """Draw the loss; return the caption."""
    step, loss = run.record.step, np.asarray(run.record.loss, dtype=float)
    caption, lines = "Loss of the whole sets at the evaluations.", np.empty(0)
    if len(step):
        width = mean_width(len(step))
        if len(step) <= POINTS:
            axis.plot(
                step,
                loss,
                ".",
                markersize=2.5 if len(step) > 400 else 4,
                color=GREY,
                alpha=0.6,
                markeredgewidth=0,
                label="each step",
            )
        at, bins = binned(step, loss, width)
        lines = np.nanmean(bins, axis=1)
        if len(step) > POINTS:
            loss = np.nanquantile(bins, (0.05, 0.95), axis=1)
            axis.fill_between(at, *loss, color=GREY, alpha=0.25, linewidth=0, label="90 % of the steps")
        if width == 1:
            lines = np.empty(0)
        else:
            low, high = _interval(bins)
            axis.plot(at, lines, color=VERMILION, label=f"mean of {width} steps", zorder=3)
            axis.fill_between(at, low, high, color=VERMILION, alpha=0.35, linewidth=0, label="its 95 % interval")
        means = f", means of {width} steps with 95 % intervals" if width > 1 else ""
        caption = f"Loss of the steps{means}, and of the whole sets at the evaluations."
    metrics = {name for evaluation in run.record.evaluations for name in evaluation.metrics}
    evaluated = [_evaluations(axis, run, name) for name in ("loss", "test_loss") if name in metrics]
    left = fit(axis, loss.ravel(), np.concatenate([lines, *evaluated]))
    axis.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 0.98), columnspacing=1.2, handletextpad=0.5)
    unit = loss_unit(run.card.get("loss"), run.unit if run.meta.get("board") else "V")
    axis.set_ylabel(f"loss ({unit})" if unit else "loss")
    axis.grid(axis="y")
    return caption + (outside(left, "step") if len(step) <= POINTS else "")


def _interval(bins: Array) -> tuple[Array, Array]:
    """Return the 95 % interval of the mean of every bin, for positive values by the logarithm of the mean."""
    mean = np.nanmean(bins, axis=1)
    error = Z * np.nanstd(bins, axis=1, ddof=1) / np.sqrt(np.isfinite(bins).sum(axis=1))
    if np.nanmin(bins) < 0:
        return mean - error, mean + error
    factor = np.exp(error / np.where(mean > 0, mean, 1.0))
    return mean / factor, mean * factor


def _evaluations(axis: Axes, run: Reported, name: str) -> Array:
    """Draw a metric of every evaluation, with its interval; return the values."""
    made: Sequence = [each for each in run.record.evaluations if each.metrics.get(name) is not None]
    values = np.array([each.metrics[name] for each in made], dtype=float)
    steps = np.array([each.step for each in made])
    colour, marker, label = _LOOK["test" if name.startswith("test_") else "train"]
    size = 5 if len(made) <= 60 else 2
    found = [interval_of(name, each, run) or (value, value) for each, value in zip(made, values, strict=True)]
    low, high = np.array(found, dtype=float).reshape(-1, 2).T
    axis.errorbar(
        steps, values, yerr=[np.maximum(values - low, 0), np.maximum(high - values, 0)], fmt=marker, markersize=size,
        color=colour, fillstyle="none" if marker == "s" else "full", elinewidth=0.8, capsize=2 if size > 2 else 0,
        label=label, zorder=4,
    )  # fmt: skip
    return values
