"""A page of plots for a comparison of rules."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from labrig.procedures.compare_rules.comparison import RuleComparison
from labrig.runs.units import figure_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def page_png(found: RuleComparison) -> bytes:
    """Draw the page and return it as PNG."""
    from labrig.runs.plots.canvas import own_settings, png

    with own_settings():
        return png(_page(found))


def _page(found: RuleComparison) -> Figure:
    """Draw the learning curves, the cosines, the loss after training, and the task's own figure."""
    from labrig.runs.plots.canvas import new_figure

    figure = new_figure(12, 8.5)
    (curves, cosines), (losses, headline) = figure.subplots(2, 2)
    figure.subplots_adjust(left=0.07, right=0.98, top=0.91, bottom=0.2, wspace=0.2, hspace=0.55)
    changed = ", ".join(found.overrides)
    count = f"{len(found.seeds)} board" + "s" * (len(found.seeds) > 1)
    figure.suptitle(
        f"{found.config}: {found.budget} acquisitions, {count}" + f"\n{changed}" * bool(changed), fontsize=10
    )
    _draw_curves(curves, found)
    _draw_points(cosines, found, ("cosine_before", "cosine_after"), ("before training", "after training"))
    cosines.set_title("cosine to the exact gradient")
    _draw_points(losses, found, ("true_loss", "own_loss"), ("true", "as the rig reads it"), logarithmic=True)
    losses.set_title("loss after training")
    losses.set_ylabel(_with_unit("loss", found.units["loss"]))
    curves.set_ylabel(_with_unit("loss", found.units["loss"]))
    name = found.headline
    _draw_points(headline, found, (f"true_{name}", f"own_{name}"), ("true", "as the rig reads it"))
    headline.set_title(f"{name} after training")
    headline.set_ylabel(_with_unit(_base(name), found.units[name]))
    return figure


def _draw_curves(axis: Axes, found: RuleComparison) -> None:
    """Draw the mean measured loss over the boards; the curve of a rule ends where its shortest trial ends."""
    from labrig.runs.plots.canvas import label_decades

    least = math.inf
    for number, rule in enumerate(found.rules):
        done = [trial.curve for trial in rule.trials if trial.curve]
        points = min((len(curve) for curve in done), default=0)
        if not points:
            continue
        values = np.array([curve[:points] for curve in done]).mean(axis=0)
        least = min(least, float(values[:, 1].min()))
        axis.plot(values[:, 0], values[:, 1], color=f"C{number % 10}", label=_label(rule.rule, rule.measurement))
    axis.set_xlabel("acquisitions")
    axis.set_title("measured loss during training")
    if 0 < least < math.inf:
        axis.set_yscale("log")
        label_decades(axis.yaxis)
        axis.legend(fontsize=7, frameon=False)


def _draw_points(
    axis: Axes, found: RuleComparison, names: tuple[str, str], labels: tuple[str, str], logarithmic: bool = False
) -> None:
    """Draw the mean of a figure with its interval, for every rule."""
    from labrig.runs.plots.canvas import label_decades

    places = np.arange(len(found.rules))
    for shift, marker, name, label in zip((-0.12, 0.12), "os", names, labels, strict=True):
        intervals = [rule.figures.get(name) for rule in found.rules]
        means = np.array([math.nan if each is None else each.mean for each in intervals])
        halves = np.array([0.0 if each is None or math.isnan(each.half) else each.half for each in intervals])
        lower = np.minimum(halves, 0.9 * means) if logarithmic else halves
        axis.errorbar(places + shift, means, (np.maximum(lower, 0), halves), fmt=marker, capsize=3, label=label)
    axis.set_xticks(places, [_label(rule.rule, rule.measurement) for rule in found.rules], rotation=30, ha="right")
    axis.tick_params(axis="x", labelsize=7)
    if logarithmic:
        axis.set_yscale("log")
        label_decades(axis.yaxis)
    elif all("cosine" in name or "accuracy" in name for name in names):
        axis.set_ylim(top=min(1.02, axis.get_ylim()[1]))
    axis.legend(fontsize=7, frameon=False)


def _base(name: str) -> str:
    return (name.rpartition("_")[0] if figure_unit(name) else name).replace("_", " ")


def _with_unit(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name


def _label(rule: str, measurement: str) -> str:
    return f"{rule} (no measurement)" if measurement else rule
