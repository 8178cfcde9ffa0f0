"""The edges: where they ended, which are at an end of their range, and which are masked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from labrig.runs.plots.colours import BLUE
from labrig.runs.report.blocks import Block, Drawing, folded, paragraph, table
from labrig.runs.report.figures import GREY, INK, panels
from labrig.runs.report.reported import Reported

TITLE = "Edges"
AT_AN_END = 0.01
"""Share of the range: an edge that is closer to an end of its range counts as saturated there."""
MOST_ROWS = 400


def blocks(run: Reported) -> Iterator[Block]:
    """Yield the numbers of saturated and masked edges, the position of each edge in its range, and a table."""
    run.need_steps()
    last, shadow = run.record.conductances[-1], run.record.shadow[-1]
    low, high = run.board["range_s"]
    near = AT_AN_END * (high - low)
    masked = set(run.record.masked[-1] or ())
    at_low, at_high = np.flatnonzero(last <= low + near), np.flatnonzero(last >= high - near)
    names, (scale, quantity, unit) = run.edges, run.parameter
    yield paragraph(
        f"{len(at_low)} of {len(last)} edges are saturated at the lower end of their range and {len(at_high)} at the "
        f"upper end (within {100 * AT_AN_END:.0f} % of the range); {len(masked)} were masked after a fault and "
        "do not change."
    )
    figure, (axis,) = panels(height=2.2)
    bins = np.linspace(scale * min(low, last.min()), scale * max(high, last.max()), 41)
    if "initial_s" in run.board:
        axis.hist(scale * run.initial, bins, color=GREY, alpha=0.45, label="before training")
    axis.hist(scale * last, bins, histtype="step", color=BLUE, linewidth=1.5, label=f"after step {run.record.step[-1]}")
    for end in (low, high):
        axis.axvline(scale * end, color=INK, linestyle=":", linewidth=1)
    axis.set_xlabel(f"nominal {quantity} ({unit})")
    axis.set_ylabel("edges")
    axis.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 0.98))
    figure.subplots_adjust(top=1 - 0.4 / 2.2)
    yield Drawing("ranges", "Edges in their range; dotted lines are its ends.", figure)
    state = {
        **{int(edge): "saturated, low" for edge in at_low},
        **{int(edge): "saturated, high" for edge in at_high},
        **dict.fromkeys(masked, "masked"),
    }
    chosen = list(range(len(names))) if len(names) <= MOST_ROWS else sorted(state)
    rows = [
        (names[k], *run.board["edges"][k][1:], scale * run.initial[k] if "initial_s" in run.board else None,
         scale * float(last[k]), scale * float(shadow[k]), state.get(k, ""))
        for k in chosen[:MOST_ROWS]
    ]  # fmt: skip
    header = ("edge", "from", "to", f"before ({unit})", f"after ({unit})", f"shadow ({unit})", "")
    every = "Every edge" if len(names) <= MOST_ROWS else f"Saturated and masked edges, {MOST_ROWS} at most"
    if rows:
        yield folded(every, table(header, rows))
