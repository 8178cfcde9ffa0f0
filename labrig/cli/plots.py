"""PNGs of a run: learning curves, the conductances on the network, a spectrum with its tones."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from labrig.network.graph import GROUND
from labrig.runs.folder import RunFolder
from labrig.runs.journal import Record, read_journal
from labrig.runs.spectrum import Window, load_spectrum

DPI = 130


def write_plots(folder: RunFolder, stop: Callable[[], bool] = lambda: False) -> tuple[list[Path], bool]:
    """Write every plot the run has data for; their paths, and whether `stop()` kept it from any of them."""
    record, meta = read_journal(folder.journal), folder.meta()
    window = load_spectrum(folder)
    figures = {"learning.png": lambda: learning_curves(record, meta)}
    if len(record.step):
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
    """Loss of every step, and what the evaluations found."""
    names = [name for name in ("test_accuracy", "train_accuracy", "patterns_right", "rms_v") if _has(record, name)]
    # Margins by hand here and below: a layout engine draws everything twice.
    figure = Figure(figsize=(7, 3 + 2.2 * bool(names)))
    axes = figure.subplots(1 + bool(names), 1, sharex=True, squeeze=False)
    figure.subplots_adjust(left=0.11, right=0.98, bottom=0.1 if names else 0.16, top=0.94, hspace=0.08)
    loss = axes[0, 0]
    loss.plot(record.step, record.loss, ".", markersize=2, color="0.7", label="each step")
    if len(record.step) >= 20:
        width = max(5, len(record.step) // 50)
        mean = np.convolve(record.loss, np.ones(width) / width, mode="valid")
        loss.plot(record.step[width - 1 :], mean, color="C0", label=f"mean of {width} steps")
    steps = [evaluation.step for evaluation in record.evaluations]
    loss.plot(steps, [e.metrics["loss"] for e in record.evaluations], "o-", color="C1", label="training set")
    if (record.loss > 0).all() and len(record.loss) and record.loss.max() > 30 * record.loss.min():
        loss.set_yscale("log")
    loss.set_ylabel("loss")
    loss.legend(frameon=False, fontsize=8)
    loss.set_title(f"{meta['name']}, seed {meta['seed']}")
    if names:
        lower = axes[1, 0]
        for name in names:
            values = [evaluation.metrics.get(name, np.nan) for evaluation in record.evaluations]
            lower.plot(steps, values, "o-", label=name.replace("_", " "))
        if any("accuracy" in name for name in names):
            lower.set_ylim(min(0.3, lower.get_ylim()[0]), 1.02)
        lower.legend(frameon=False, fontsize=8)
        lower.set_ylabel("measured")
    axes[-1, 0].set_xlabel("step (updates)")
    return figure


def conductance_map(record: Record, meta: dict[str, Any]) -> Figure:
    """The network with every edge in the colour of what is written to it, before and after training."""
    board = meta["board"]
    places = _places(board["nodes"], board["edges"])
    low, high = (1e6 * value for value in board["range_s"])
    figure = Figure(figsize=(11, 5))
    axes = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.01, right=0.88, bottom=0.03, top=0.93, wspace=0.03)
    for axis, values, title in (
        (axes[0], record.conductances[0], "after the first step"),
        (axes[1], record.conductances[-1], f"after step {record.step[-1]}"),
    ):
        lines = [[places[a], places[b]] for _, a, b in board["edges"]]
        collection = LineCollection(lines, cmap="viridis", linewidths=1.8)
        collection.set_array(1e6 * values)
        collection.set_clim(low, high)
        axis.add_collection(collection)
        for node, (x, y) in places.items():
            colour = "C3" if node in board["outputs"] else "C0" if node in board["inputs"] else "0.4"
            axis.plot(x, y, "o", color=colour, markersize=5, zorder=3)
            if len(places) <= 40:
                axis.annotate(node, (x, y), textcoords="offset points", xytext=(5, 4), fontsize=7)
        axis.set_title(title)
        axis.autoscale_view()
        axis.margins(0.12)
        axis.set_axis_off()
    bar = figure.add_axes((0.91, 0.15, 0.015, 0.7))
    figure.colorbar(collection, cax=bar, label="nominal conductance (µS)")
    return figure


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
    for tone in window.tones_hz:
        axis.axvline(tone, color="C3", linestyle=":", linewidth=1)
        axis.annotate(
            f"{tone:g} Hz", (tone, 1), xycoords=("data", "axes fraction"), xytext=(3, -12), textcoords="offset points",
            color="C3", fontsize=8,
        )  # fmt: skip
    axis.set_xscale("log")
    axis.set_xlabel("frequency (Hz)")
    axis.set_ylabel("amplitude (dB re 1 V peak)")
    axis.set_title(f"{meta['name']}: one window with the error on")
    axis.legend(frameon=False)
    axis.grid(alpha=0.3)
    return figure


def _has(record: Record, name: str) -> bool:
    return any(name in evaluation.metrics for evaluation in record.evaluations)


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
