"""The conductances on the network, and how they moved."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from labrig.runs.plots.conductances import conductance_map
from labrig.runs.report.blocks import Block, Drawing
from labrig.runs.report.figures import along_steps, panels
from labrig.runs.report.reported import Reported

TITLE = "Conductances"
MOST_COLUMNS, MOST_ROWS = 500, 400


def blocks(run: Reported) -> Iterator[Block]:
    """Yield the network before and after training, and every edge over the steps."""
    run.need_steps()
    figure = conductance_map(run.record, {"board": run.board})
    figure.set_size_inches(8.2, 3.9)
    quantity = run.parameter[1]
    yield Drawing("network", f"Nominal {quantity} of every edge, before and after training.", figure)
    run.need_steps(3)
    scale, _, unit = run.parameter
    steps, values = run.record.step, run.record.conductances
    columns = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), MOST_COLUMNS)).astype(int))
    rows = np.unique(np.linspace(0, values.shape[1] - 1, min(values.shape[1], MOST_ROWS)).astype(int))
    moved = values[columns][:, rows] - (run.initial[rows] if "initial_s" in run.board else values[0, rows])
    high = float(np.abs(moved).max()) * scale or 1.0
    height = 1.1 + min(3.2, 0.11 * len(rows))
    figure, (axis,) = panels(height=height)
    figure.subplots_adjust(left=1.0 / 7.2)
    image = axis.imshow(
        scale * moved.T, cmap="PuOr", vmin=-high, vmax=high, aspect="auto", interpolation="nearest",
        extent=(float(steps[0]), float(steps[-1]), values.shape[1] - 0.5, -0.5),
    )  # fmt: skip
    figure.colorbar(image, ax=axis, label=f"change ({unit})", pad=0.02)
    if len(rows) <= 40 and len(rows) == values.shape[1]:
        axis.set_yticks(range(len(rows)), run.edges, fontsize=5.5)
    else:
        axis.set_ylabel("edge")
    along_steps(axis)
    left = f" One in {values.shape[1] / len(rows):.0f} edges is drawn." if len(rows) < values.shape[1] else ""
    yield Drawing("changes", f"Change of every edge since the first step.{left}", figure)
