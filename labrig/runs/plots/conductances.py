"""The conductances on the network, before and after training."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from labrig.network.graph import GROUND
from labrig.runs.journal import Record
from labrig.runs.plots import RunData
from labrig.runs.plots.canvas import WHITE, new_figure

Array = NDArray[np.float64]


def draw(run: RunData) -> Figure | None:
    """Draw the network before and after training; None for a run without a step."""
    return conductance_map(run.record, run.meta) if len(run.record.step) else None


def conductance_map(record: Record, meta: dict[str, Any]) -> Figure:
    """The network with every edge in the colour of what is written to it, before and after training."""
    board = meta["board"]
    figure = new_figure(11, 5)
    left, right = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.01, right=0.88, bottom=0.03, top=0.93, wspace=0.03)
    if "initial_s" in board:
        _draw_network(left, board, np.array(board["initial_s"]), "before the first step")
    else:  # a run of an earlier labrig, which kept only what steps wrote
        _draw_network(left, board, record.conductances[0], "after the first step")
    coloured = _draw_network(right, board, record.conductances[-1], f"after step {record.step[-1]}")
    bar = figure.add_axes((0.91, 0.15, 0.015, 0.7))
    figure.colorbar(coloured, cax=bar, label="nominal conductance (µS)")
    return figure


def _draw_network(axis: Axes, board: dict[str, Any], siemens: Array, title: str) -> LineCollection:
    """Nodes, and edges in the colour of their conductance; what a colour bar is made for."""
    places = _places(board["nodes"], board["edges"])
    low, high = (1e6 * value for value in board["range_s"])
    edges = LineCollection([[places[a], places[b]] for _, a, b in board["edges"]], cmap="viridis", linewidths=1.8)
    edges.set_array(1e6 * siemens)
    edges.set_clim(low, high)
    axis.add_collection(edges)
    for node, (x, y) in places.items():
        colour = "C3" if node in board["outputs"] else "C0" if node in board["inputs"] else "0.4"
        axis.plot(x, y, "o", color=colour, markersize=5, zorder=3)
        if len(places) <= 40:
            _label(axis, node, x, y)
    axis.set_title(title)
    axis.autoscale_view()
    axis.margins(0.12)
    axis.set_axis_off()
    return edges


def _label(axis: Axes, node: str, x: float, y: float) -> None:
    """The name of a node on white, away from the edges: outside the network's sides, else above the node."""
    side = {"in": ("right", (-6, -2.5)), "out": ("left", (6, -2.5))}
    align, offset = side.get(node.rstrip("0123456789"), ("center", (0, 6)))
    axis.annotate(node, (x, y), textcoords="offset points", xytext=offset, ha=align, fontsize=7, bbox=WHITE, zorder=2.5)


def _places(nodes: Sequence[str], edges: Sequence[Sequence[str]]) -> dict[str, tuple[float, float]]:
    """Where to draw each node that has an edge: grids as grids, layers as columns, anything else on a circle."""
    wired = [node for node in nodes if any(node in (a, b) for _, a, b in edges)]
    wired += [GROUND] if any(GROUND in (a, b) for _, a, b in edges) else []
    cells = {node: re.fullmatch(r"n(\d+)_(\d+)", node) for node in wired}
    if all(cells.values()):
        return {node: (float(cell[2]), -float(cell[1])) for node, cell in cells.items() if cell}
    columns = {"in": 0, "hid": 1, "out": 2}
    parts = {node: re.fullmatch(r"(in|hid|out)(\d+)", node) for node in wired}
    if all(parts.values()):
        sizes = {prefix: sum(part[1] == prefix for part in parts.values() if part) for prefix in columns}
        return {
            node: (float(columns[part[1]]), (int(part[2]) + 0.5) / sizes[part[1]] * -10)
            for node, part in parts.items()
            if part
        }
    angles = np.linspace(0, 2 * np.pi, len(wired), endpoint=False)
    return {node: (float(np.cos(t)), float(np.sin(t))) for node, t in zip(wired, angles, strict=True)}
