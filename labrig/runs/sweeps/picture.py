"""The picture of a sweep: a column for each key, a row for each metric, dots for trials, lines through their means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from labrig.errors import StorageError
from labrig.runs.folder import RunFolder
from labrig.runs.sweeps.table import PICTURE, Table
from labrig.runs.units import figure_unit, is_figure

FIRST = ("test_accuracy", "patterns_right", "rms", "test_rms", "loss")
"""Metrics in order of interest; the picture has at most MOST of them."""
MOST = 3
_LONGEST_LABEL = 16


def draw(table: Table) -> Path | None:
    """Write the picture and return its path; None if no trial has a metric. Raises StorageError if writing fails."""
    known = [name for base in FIRST for name in table.figures if is_figure(name, base)]
    figures = known[:MOST] or list(table.figures[:1])
    if not figures:
        return None
    from labrig.runs.plots.canvas import new_figure, own_settings, png

    columns = [*table.keys, "seed"] if not table.keys else list(table.keys)
    with own_settings():
        figure = new_figure(3.2 * len(columns) + 0.8, 2.2 * len(figures) + 0.7)
        axes = figure.subplots(len(figures), len(columns), squeeze=False, sharex="col", sharey="row")
        figure.subplots_adjust(left=0.8 / figure.get_figwidth(), right=0.98, top=0.97, wspace=0.08, hspace=0.1)
        figure.subplots_adjust(bottom=0.6 / figure.get_figheight())
        for column, key in enumerate(columns):
            for row, name in enumerate(figures):
                _panel(axes[row][column], table, key, name)
            axes[-1][column].set_xlabel(key)
        for row, name in enumerate(figures):
            unit = figure_unit(name)
            axes[row][0].set_ylabel(f"{name} ({unit})" if unit else name)
        drawn = png(figure)
    try:
        RunFolder(table.folder).write(PICTURE, drawn)
    except OSError as error:
        raise StorageError(
            f"cannot write {table.folder / PICTURE}: {error.strerror}; check permissions and free space"
        ) from error
    return table.folder / PICTURE


def _panel(axis: Any, table: Table, key: str, name: str) -> None:
    """Plot a metric over the values of a key: numbers to scale, other values side by side."""
    rows = [row for row in table.rows if row.get(name) is not None]
    values = list({json.dumps(row[key]): row[key] for row in table.rows}.values())
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if numbers:
        values.sort()
    places = {json.dumps(value): value if numbers else place for place, value in enumerate(values)}
    axis.plot([places[json.dumps(row[key])] for row in rows], [row[name] for row in rows], ".", color="0.6")
    means = []
    for value in values:
        found = [row[name] for row in rows if row[key] == value]
        means.append(sum(found) / len(found) if found else float("nan"))
    axis.plot([places[json.dumps(value)] for value in values], means, "o-", color="C0", markersize=4)
    if not numbers:
        labels = [value if isinstance(value, str) else json.dumps(value) for value in values]
        axis.set_xticks(range(len(values)), [label[:_LONGEST_LABEL] for label in labels])
    elif min(values) > 0 and max(values) >= 10 * min(values):
        axis.set_xscale("log")
        axis.set_xticks(values, [f"{value:g}" for value in values])
        axis.minorticks_off()
