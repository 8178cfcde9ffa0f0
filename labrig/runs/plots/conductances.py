"""The conductances on the network, before and after training."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from labrig.network.physics import GROUND
from labrig.runs.journal import Record
from labrig.runs.plots import RunData
from labrig.runs.plots.canvas import WHITE, new_figure
from labrig.runs.units import shown_parameter

Array = NDArray[np.float64]

MOST_EDGES_PER_NODE = 15
MOST_OF_LAYERS = 150
MOST_OF_CIRCLE = 40
MOST_NAMES = 18
"""A network with more edges per node, or more edges between layers or on a circle, is drawn as a matrix. An axis of the
matrix with at most MOST_NAMES nodes shows the names of all."""


def draw(run: RunData) -> Figure | None:
    """Draw the network before and after training; None for a run without a step."""
    return conductance_map(run.record, run.meta) if len(run.record.step) else None


def conductance_map(record: Record, meta: dict[str, Any]) -> Figure:
    """Draw the network before and after training, with every edge in the colour of its nominal conductance."""
    board = meta["board"]
    figure = new_figure(11, 5)
    left, right = figure.subplots(1, 2)
    dense = _dense(board)
    draw_board = _draw_as_matrix if dense else _draw_as_network
    edge, apart = (0.08, 0.24) if dense else (0.01, 0.03)
    figure.subplots_adjust(left=edge, right=0.88, bottom=0.03 if not dense else 0.12, top=0.93, wspace=apart)
    if "initial_s" in board:
        draw_board(left, board, np.array(board["initial_s"]), "before the first step")
    else:  # a run of an earlier labrig, which did not store the initial conductances
        draw_board(left, board, record.conductances[0], "after the first step")
    coloured = draw_board(right, board, record.conductances[-1], f"after step {record.step[-1]}")
    bar = figure.add_axes((0.91, 0.15, 0.015, 0.7))
    figure.colorbar(coloured, cax=bar, label=_unit(board)[1])
    return figure


def _draw_as_network(axis: Axes, board: dict[str, Any], siemens: Array, title: str) -> LineCollection:
    """Draw nodes, and edges in the colour of their conductance; return the edges, for a colour bar."""
    places = board.get("places") or _places(board["nodes"], board["edges"])
    scale, _ = _unit(board)
    low, high = (scale * value for value in board["range_s"])
    edges = LineCollection(
        [[places[a], places[b]] for _, a, b in board["edges"]], cmap=rcParams["image.cmap"], linewidths=1.8
    )
    edges.set_array(scale * siemens)
    edges.set_clim(low, high)
    axis.add_collection(edges)
    outputs, inputs = _points(board, "outputs"), _points(board, "inputs")
    for node, (x, y) in places.items():
        colour = "C3" if node in outputs else "C0" if node in inputs else "0.4"
        axis.plot(x, y, "o", color=colour, markersize=5, zorder=3)
        if len(places) <= 40:
            _label(axis, node, x, y)
    axis.set_title(title)
    axis.autoscale_view()
    axis.margins(0.12)
    axis.set_axis_off()
    return edges


def _points(board: dict[str, Any], what: str) -> set[str]:
    """Return the points of inputs or outputs: all points of a port, or the point n3 of a coordinate such as `n3.x`."""
    ports = board.get("ports", {})
    return {point for node in board[what] for point in ports.get(node, (node.partition(".")[0],))}


def _draw_as_matrix(axis: Axes, board: dict[str, Any], siemens: Array, title: str) -> AxesImage:
    """Draw a matrix: rows are first nodes of edges, columns are second nodes; return the image, for a colour bar."""
    rows, columns = (list(dict.fromkeys(edge[end] for edge in board["edges"])) for end in (1, 2))
    row, column = ({node: k for k, node in enumerate(names)} for names in (rows, columns))
    matrix, (scale, _) = np.full((len(rows), len(columns)), np.nan), _unit(board)
    for (_, a, b), value in zip(board["edges"], siemens.tolist(), strict=True):
        matrix[row[a], column[b]] = scale * value
    low, high = (scale * value for value in board["range_s"])
    image = axis.imshow(matrix, vmin=low, vmax=high, aspect="auto", interpolation="nearest")
    axis.set_title(title)
    for names, of_axis in ((rows, axis.yaxis), (columns, axis.xaxis)):
        firsts = [k for k, name in enumerate(names) if k == 0 or _kind(name) != _kind(names[k - 1])]
        if len(names) <= MOST_NAMES:
            firsts = list(range(len(names)))
        of_axis.set_ticks(firsts, [names[k] for k in firsts], fontsize=7 if len(firsts) <= 12 else 6)
    axis.set_xlabel("to")
    axis.set_ylabel("from")
    return image


def _unit(board: dict[str, Any]) -> tuple[float, str]:
    """Return the factor for displayed parameters and the label of the colour bar."""
    scale, quantity, unit = shown_parameter(board)
    return scale, f"nominal {quantity} ({unit})"


def _dense(board: dict[str, Any]) -> bool:
    """Return whether the edges would cover one another on a drawing of the network."""
    edges, nodes = len(board["edges"]), _wired(board["nodes"], board["edges"])
    if board.get("places") or _grid(nodes):
        return edges > MOST_EDGES_PER_NODE * len(nodes)
    return edges > (MOST_OF_LAYERS if _layers(nodes) else MOST_OF_CIRCLE)


def _kind(node: str) -> str:
    return node.rstrip("0123456789")


def _label(axis: Axes, node: str, x: float, y: float) -> None:
    """Write the name of a node on white: outside the network for inputs and outputs, above the node for all others."""
    side = {"in": ("right", (-6, -2.5)), "out": ("left", (6, -2.5))}
    align, offset = side.get(node.rstrip("0123456789"), ("center", (0, 6)))
    axis.annotate(node, (x, y), textcoords="offset points", xytext=offset, ha=align, fontsize=7, bbox=WHITE, zorder=2.5)


def _places(nodes: Sequence[str], edges: Sequence[Sequence[str]]) -> dict[str, tuple[float, float]]:
    """Return where to draw each node that has an edge: grids as grids, layers as columns, others on a circle."""
    wired = _wired(nodes, edges)
    if cells := _grid(wired):
        return {node: (float(column), -float(row)) for node, (row, column) in cells.items()}
    if parts := _layers(wired):
        sizes = {layer: sum(other == layer for other, _ in parts.values()) for layer in range(3)}
        return {node: (float(layer), (place + 0.5) / sizes[layer] * -10) for node, (layer, place) in parts.items()}
    angles = np.linspace(0, 2 * np.pi, len(wired), endpoint=False)
    return {node: (float(np.cos(t)), float(np.sin(t))) for node, t in zip(wired, angles, strict=True)}


def _wired(nodes: Sequence[str], edges: Sequence[Sequence[str]]) -> list[str]:
    """Return the nodes that have an edge, ground last."""
    ends = {node: None for _, a, b in edges for node in (a, b) if node != GROUND}
    wired = [node for node in nodes if node in ends] or list(ends)
    return wired + ([GROUND] if any(GROUND in (a, b) for _, a, b in edges) else [])


def _grid(nodes: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return row and column of every node of a grid; empty if the nodes are not those of a grid."""
    found = {node: re.fullmatch(r"n(\d+)_(\d+)", node) for node in nodes}
    cells = {node: (int(cell[1]), int(cell[2])) for node, cell in found.items() if cell}
    return cells if len(cells) == len(nodes) else {}


def _layers(nodes: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return layer (inputs, hidden nodes, outputs) and place of every node; empty if there are no such layers."""
    found = {node: re.fullmatch(r"(in|hid|out)(\d+)", node) for node in nodes}
    parts = {node: (("in", "hid", "out").index(part[1]), int(part[2])) for node, part in found.items() if part}
    return parts if len(parts) == len(nodes) else {}
