"""The confusion matrices of a classification."""

from __future__ import annotations

from collections.abc import Iterator

from labrig.runs.confusion import confusions
from labrig.runs.plots.canvas import new_figure
from labrig.runs.report.blocks import Block, Drawing, Missing
from labrig.runs.report.figures import INK
from labrig.runs.report.reported import Reported

TITLE = "Confusion matrix"
_PARTS = {"train": "training set", "test": "test set"}


def blocks(run: Reported) -> Iterator[Block]:
    """Yield one figure with the matrices of the last evaluation."""
    if not run.meta.get("classes"):
        raise Missing("the task is not a classification")
    found = confusions(run.record, run.meta["classes"], run.meta.get("readout"))
    if not found:
        raise Missing("the run stored no outputs at its evaluations")
    classes = found[0].classes
    long = max(map(len, classes)) * len(classes) > 26
    side, below = min(0.45 * len(classes) + 0.4, 2.6), 0.95 if long else 0.55
    figure = new_figure(7.2, side + below + 0.3)
    axes = figure.subplots(1, len(found), squeeze=False)[0]
    figure.subplots_adjust(1.0 / 7.2, below / (side + below + 0.3), 0.99, 1 - 0.3 / (side + below + 0.3), wspace=0.35)
    for axis, confusion in zip(axes, found, strict=True):
        share = confusion.counts / confusion.counts.sum(axis=1, keepdims=True).clip(1)
        axis.imshow(
            share, cmap="Blues", vmin=0, vmax=1.9
        )  # ends before the dark blues, on which the counts are hard to read
        for row, counts in enumerate(confusion.counts.tolist()):
            for column, count in enumerate(counts):
                if count:
                    axis.text(column, row, str(count), ha="center", va="center", fontsize=8, color="#111417")
        axis.set_xticks(range(len(classes)), classes, rotation=40 if long else 0, ha="right" if long else "center")
        axis.set_yticks(range(len(classes)), classes)
        axis.tick_params(length=0)
        axis.spines[:].set_visible(True)
        axis.spines[:].set_color(INK)
        axis.set_title(_PARTS[confusion.part])
        axis.set_xlabel("read as")
    axes[0].set_ylabel("true class")
    step = run.record.evaluations[-1].step
    yield Drawing("confusion", f"Number of examples after step {step}; rows are the true classes.", figure)
