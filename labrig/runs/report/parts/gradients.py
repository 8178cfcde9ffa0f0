"""The gradient and its standard error: norms for every step, and root mean squares for every edge."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from labrig.runs.plots.colours import BLUE, VERMILION
from labrig.runs.plots.scales import fit, outside
from labrig.runs.report.blocks import Block, Drawing, Missing, paragraph
from labrig.runs.report.figures import along_steps, panels
from labrig.runs.report.reported import Reported

TITLE = "Gradients"
POINTS = 2000


def blocks(run: Reported) -> Iterator[Block]:
    """Yield norms over the steps and root mean squares over the edges."""
    run.need_steps()
    gradient, error = (np.asarray(run.record.steps[name], dtype=float) for name in ("gradient", "u_gradient"))
    stored = np.array([bool(np.isfinite(row).any()) for row in gradient])
    if not stored.any():
        raise Missing("no gradient was stored")
    gradient, error, step = gradient[stored], error[stored], run.record.step[stored]
    norm, u_norm = np.linalg.norm(gradient, axis=1), np.linalg.norm(np.nan_to_num(error), axis=1)
    if not norm.any():
        raise Missing("no step had an error, so every gradient is zero")
    unit = f"loss unit per {run.board.get('parameter', {}).get('unit', 'S')}"
    thin = np.unique(np.linspace(0, len(step) - 1, min(len(step), POINTS)).astype(int))
    figure, (axis,) = panels(height=2.7)
    for values, colour, label in ((norm, BLUE, "gradient"), (u_norm, VERMILION, "its standard error")):
        axis.plot(
            step[thin],
            values[thin],
            ".",
            markersize=2.5 if len(thin) > 400 else 4,
            color=colour,
            markeredgewidth=0,
            label=label,
        )
    left = fit(axis, np.concatenate([norm[norm > 0], u_norm[u_norm > 0]]))
    along_steps(axis)
    axis.set_ylabel(f"norm ({unit})", fontsize=8)
    axis.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 0.98), markerscale=3)
    axis.grid(axis="y")
    figure.subplots_adjust(top=1 - 0.4 / 2.7)
    every = "" if stored.all() else f" {stored.sum()} of {len(stored)} steps have a stored gradient."
    every += f" One in {len(step) / len(thin):.3g} steps is drawn." if len(thin) < len(step) else ""
    yield Drawing("gradients", f"Norm over all edges, in each step.{every}{outside(left, 'value')}", figure)
    rms, u_rms = (np.sqrt(np.nanmean(np.square(each), axis=0)) for each in (gradient, error))
    order = np.argsort(-rms)
    figure, (axis,) = panels(height=2.7)
    for values, colour, label in ((rms, BLUE, "gradient"), (u_rms, VERMILION, "its standard error")):
        axis.plot(values[order], ".", markersize=4 if len(order) <= 200 else 2, color=colour, markeredgewidth=0,
                  label=label, rasterized=len(order) > 1500)  # fmt: skip
    fit(axis, np.concatenate([rms[rms > 0], u_rms[u_rms > 0]]))
    axis.set_xlabel("edge, in order of its gradient")
    axis.set_ylabel(f"rms ({unit})", fontsize=8)
    axis.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 0.98), markerscale=2)
    axis.grid(axis="y")
    figure.subplots_adjust(top=1 - 0.4 / 2.7)
    yield Drawing("gradients_edges", "Root mean square over the steps, of every edge.", figure)
    buried = int((rms < 2 * u_rms).sum())
    yield paragraph(
        f"Of {len(rms)} edges, {buried} have a gradient whose root mean square over the steps is less than twice its "
        "standard error: in a single step it is mostly noise."
    )
