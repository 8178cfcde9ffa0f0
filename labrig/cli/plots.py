"""PNGs of a run: learning curves, the conductances on the network, a spectrum with its tones."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from labrig.network.graph import GROUND
from labrig.runs.folder import RunFolder
from labrig.runs.journal import Record, read_journal
from labrig.runs.spectrum import Window, load_spectrum

Array = NDArray[np.float64]
DPI = 130
DECADES = 1.5
"""Values that span more are drawn on a logarithmic axis."""

WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
"""Behind a label, so that what is drawn there does not cross it."""

LOSS_UNITS = {"squared_error": "V²", "softmax_cross_entropy": "nat"}
PANELS = (
    ("accuracy", ("test_accuracy", "train_accuracy")),
    ("patterns right", ("patterns_right",)),
    ("rms (V)", ("rms_v", "test_rms_v")),
)
"""What evaluations find beside the loss: an axis with its unit, and the figures on it."""


def write_plots(folder: RunFolder, stop: Callable[[], bool] = lambda: False) -> tuple[list[Path], bool]:
    """Write every plot the run has data for; their paths, none for a run without a step or a spectrum, and whether
    `stop()` kept it from any of them."""
    record, meta = read_journal(folder.journal), folder.meta()
    window = load_spectrum(folder)
    figures: dict[str, Callable[[], Figure]] = {}
    if len(record.step):
        figures["learning.png"] = lambda: learning_curves(record, meta)
        figures["conductances.png"] = lambda: conductance_map(record, meta)
    if window is not None:
        figures["spectrum.png"] = lambda: spectrum(window, meta)
    paths: list[Path] = []
    for name, figure in figures.items():
        if stop():
            return paths, True
        figure().savefig(folder.path / name, dpi=DPI)
        paths.append(folder.path / name)
    return paths, False


def learning_curves(record: Record, meta: dict[str, Any]) -> Figure:
    """Loss of every step, and what the evaluations found: markers where they were, nothing in between."""
    found = {name for evaluation in record.evaluations for name in evaluation.metrics}
    panels = [(label, [name for name in names if name in found]) for label, names in PANELS]
    panels = [(label, names) for label, names in panels if names]
    # Margins by hand here and below: a layout engine draws everything twice.
    height = 3 + 1.6 * len(panels)
    figure = Figure(figsize=(7, height))
    ratios = [2.6, *[1.6] * len(panels)]
    axes = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    figure.subplots_adjust(left=0.12, right=0.98, bottom=0.5 / height, top=1 - 0.55 / height, hspace=0.1)
    _draw_loss(axes[0], record)
    unit = LOSS_UNITS.get(meta["card"].get("loss"))
    axes[0].set_ylabel(f"loss ({unit})" if unit else "loss")
    axes[0].set_title(f"{meta['name']}, seed {meta['seed']}", pad=20)
    for axis, (label, names) in zip(axes[1:], panels, strict=True):
        values = np.concatenate([_draw_evaluations(axis, record, name) for name in names])
        if label == "accuracy":
            axis.set_ylim(min(0.3, axis.get_ylim()[0]), 1.02)
        elif label == "patterns right":
            axis.set_ylim(-0.2, max(4, np.nanmax(values)) + 0.2)
        else:
            _scale(axis, values)
        axis.set_ylabel(label)
    axes[-1].set_xlabel("step (updates)")
    figure.align_ylabels(axes)
    return figure


def _draw_loss(axis: Axes, record: Record) -> None:
    size = 2 if len(record.step) > 200 else 4
    axis.plot(record.step, record.loss, ".", markersize=size, color="0.7", label="each step")
    if len(record.step) >= 20:
        width = max(5, len(record.step) // 50)
        mean = np.convolve(record.loss, np.ones(width) / width, mode="valid")
        axis.plot(record.step[width - 1 :], mean, color="C0", label=f"mean of {width} steps")
    evaluated = [_draw_evaluations(axis, record, "loss")]
    if any("test_loss" in evaluation.metrics for evaluation in record.evaluations):
        evaluated.append(_draw_evaluations(axis, record, "test_loss"))
    _scale(axis, np.concatenate([record.loss, *evaluated]))
    # Above the axis: within it there is no place without points.
    axis.legend(ncols=4, frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 0.99), borderpad=0.2)


def _draw_evaluations(axis: Axes, record: Record, name: str) -> Array:
    """Markers of one figure: alike on every axis, so that one legend explains them all."""
    values = np.array([evaluation.metrics.get(name, np.nan) for evaluation in record.evaluations], dtype=float)
    steps = [evaluation.step for evaluation in record.evaluations]
    if name.startswith("test_"):
        axis.plot(steps, values, "s", markersize=7, color="C2", fillstyle="none", label="test set", zorder=3)
    else:
        axis.plot(steps, values, "o", markersize=5, color="C1", label="training set", zorder=3)
    return values


def _scale(axis: Axes, values: Array) -> None:
    """A logarithmic axis where the values span decades. Zeros among them stand on a linear piece at its bottom."""
    values = values[np.isfinite(values)]
    positive = values[values > 0]
    if not len(positive) or (values < 0).any() or np.log10(positive.max() / positive.min()) < DECADES:
        return
    if len(positive) == len(values):
        axis.set_yscale("log")
        return
    least = 10 ** np.floor(np.log10(positive.min()))
    axis.set_yscale("symlog", linthresh=least)
    axis.set_ylim(bottom=-0.5 * least)


def conductance_map(record: Record, meta: dict[str, Any]) -> Figure:
    """The network with every edge in the colour of what is written to it, before and after training."""
    board = meta["board"]
    figure = Figure(figsize=(11, 5))
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


def spectrum(window: Window, meta: dict[str, Any]) -> Figure:
    """Amplitude spectrum of the output and the pilot, with the tones marked."""
    amplitude = 2 * np.abs(np.fft.rfft(window.volts, axis=0)) / len(window.volts)
    frequency = np.fft.rfftfreq(len(window.volts), 1 / window.sample_rate_hz)
    figure = Figure(figsize=(8, 4))
    axis = figure.subplots()
    figure.subplots_adjust(left=0.1, right=0.98, bottom=0.14, top=0.92)
    first_output = meta["board"]["outputs"][0]
    for node in (first_output, "pilot"):
        if node in window.nodes:
            column = window.nodes.index(node)
            level = 20 * np.log10(np.maximum(amplitude[1:, column], 1e-9))
            axis.plot(frequency[1:], level, linewidth=0.9, label=node)
    axis.set_xscale("log")
    axis.set_xlim(frequency[1], frequency[-1])
    for tone, row in zip(window.tones_hz, _label_rows(window.tones_hz, frequency[-1] / frequency[1]), strict=True):
        axis.axvline(tone, color="C3", linestyle=":", linewidth=1)
        axis.annotate(
            f"{tone:g} Hz", (tone, 1), xycoords=("data", "axes fraction"), xytext=(3, -12 - 11 * row),
            textcoords="offset points", color="C3", fontsize=8, bbox=WHITE,
        )  # fmt: skip
    axis.set_xlabel("frequency (Hz)")
    axis.set_ylabel("amplitude (dB re 1 V peak)")
    axis.set_title(f"{meta['name']}: one window with the error on")
    axis.legend(frameon=False, loc="upper left")
    axis.grid(alpha=0.3)
    return figure


def _label_rows(tones_hz: Sequence[float], span: float) -> list[int]:
    """A row for the label of each tone, so that labels side by side do not touch. span: last to first frequency."""
    wide = span**0.1  # a tenth of the axis holds '12345.6 Hz'
    rows: list[int] = []
    for k, tone in enumerate(tones_hz):
        taken = {row for other, row in zip(tones_hz[:k], rows, strict=True) if 1 / wide < tone / other < wide}
        rows.append(next(row for row in range(len(tones_hz)) if row not in taken))
    return rows


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
