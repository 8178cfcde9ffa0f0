"""How long steps take, on the clock of the bench and of this computer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from labrig.runs.plots.colours import BLUE, ORANGE
from labrig.runs.plots.scales import fit, outside
from labrig.runs.report.blocks import Block, Drawing, paragraph, table
from labrig.runs.report.figures import along_steps, panels
from labrig.runs.report.reported import Reported

Array = NDArray[np.float64]
TITLE = "Time"
POINTS = 2000


def blocks(run: Reported) -> Iterator[Block]:
    """Yield a table of durations, and the duration of every step."""
    run.need_steps()
    bench = np.asarray(run.record.bench_s, dtype=float)
    wall = _between(run)
    rows = [
        (name, *(float(f"{1e3 * value:.4g}") for value in _figures(values)), len(values[np.isfinite(values)]))
        for name, values in (("on the bench", bench), ("wall time", wall))
        if np.isfinite(values).any()
    ]
    yield table(("step", "median (ms)", "95 % below (ms)", "longest (ms)", "steps"), rows)
    yield from _parts(run)
    if len(bench) < 2:
        return
    thin = np.unique(np.linspace(0, len(bench) - 1, min(len(bench), POINTS)).astype(int))
    figure, (axis,) = panels(height=2.4)
    for values, colour, label in ((wall, ORANGE, "wall time"), (bench, BLUE, "on the bench")):
        axis.plot(run.record.step[thin], 1e3 * values[thin], ".", markersize=2.5, color=colour, markeredgewidth=0,
                  label=label)  # fmt: skip
    left = fit(axis, 1e3 * np.concatenate([bench, wall]))
    along_steps(axis)
    axis.set_ylabel("duration (ms)")
    axis.legend(ncols=2, loc="lower left", bbox_to_anchor=(0, 0.98), markerscale=3)
    axis.grid(axis="y")
    figure.subplots_adjust(top=1 - 0.4 / 2.4)
    yield Drawing("time", f"Duration of steps.{outside(left, 'value')}", figure)


def _parts(run: Reported) -> Iterator[Block]:
    """Yield a sentence on what takes the time of a step on the bench, as far as plan and journal say."""
    plan = run.meta.get("rig", {}).get("plan", {})
    counts = np.diff(np.asarray(run.record.acquisitions, dtype=float), prepend=0.0)
    counts = counts[np.isfinite(counts)]
    if not plan or not len(counts):
        yield paragraph("The time of single parts of a step is not recorded.", "none")
        return
    each = float(np.median(counts))
    window, settle = (plan[key] / plan["sample_rate_hz"] for key in ("window_samples", "settle_samples"))
    rest = float(np.median(run.record.bench_s)) - each * (window + settle)
    yield paragraph(
        f"A median step on the bench has {each:g} acquisitions with {1e3 * each * window:.4g} ms of windows and "
        f"{1e3 * each * settle:.4g} ms of settling; {1e3 * rest:.4g} ms are left for sources, transfer and writing, "
        "which are not recorded individually."
    )


def _between(run: Reported) -> Array:
    """Return the wall time of every step (s): NaN for one that follows an evaluation, or was not timed."""
    wall = np.asarray(run.record.wall_s, dtype=float)
    between = np.diff(wall, prepend=np.nan)
    after = {evaluation.step + 1 for evaluation in run.record.evaluations} | {
        event.step + 1 for event in run.record.events
    }
    between[np.isin(run.record.step, sorted(after))] = np.nan
    return between


def _figures(values: Array) -> Iterator[float]:
    known = values[np.isfinite(values)]
    yield from (float(np.median(known)), float(np.quantile(known, 0.95)), float(known.max()))
