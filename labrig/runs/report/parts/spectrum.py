"""Spectra of one window with the error on: tones, harmonics, mains and spurs are marked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labrig.runs.plots.canvas import label_decades
from labrig.runs.plots.colours import BLUE, GREEN, ORANGE, PURPLE, VERMILION
from labrig.runs.report.blocks import Block, Drawing, Missing, heading, table
from labrig.runs.report.figures import INK, panels
from labrig.runs.report.reported import Reported
from labrig.runs.report.spectra import NUMERICAL, Kind, Line, lines
from labrig.runs.spectrum import amplitudes, load_spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
TITLE = "Spectrum"
OUTPUTS = 3
COLUMNS = 900
"""Points along the frequency axis; if there are more bins, a point is the highest of several."""
LOOK: dict[Kind, tuple[str, str, str]] = {
    "tone": (VERMILION, "v", "tone"),
    "harmonic": (ORANGE, "^", "harmonic of a tone"),
    "mains": (GREEN, "s", "mains"),
    "spur": (PURPLE, "D", "spur: not explained"),
}
LABELS = 4
ROWS = 12


def blocks(run: Reported) -> Iterator[Block]:
    """Yield the spectra of the pilot and the first outputs, and a table of their lines."""
    window = load_spectrum(run.folder)
    if window is None:
        raise Missing("no window was stored; a run stores one when it finishes")
    outputs = [node for node in run.board["outputs"] if node in window.nodes]
    shown = [*outputs[:OUTPUTS], *(["pilot"] if "pilot" in window.nodes else [])] or list(window.nodes[:OUTPUTS])
    columns = [window.nodes.index(node) for node in shown]
    frequency, amplitude = amplitudes(window.volts[:, columns], window.sample_rate_hz)
    figure, axes = panels(len(shown), 0.9 + 1.35 * len(shown), sharex=True, sharey=True)
    figure.subplots_adjust(top=1 - 0.5 / figure.get_figheight(), hspace=0.08)
    found: dict[str, list[Line]] = {}
    least = NUMERICAL * max(float(amplitude.max()), np.finfo(float).tiny)
    amplitude = np.maximum(amplitude, least)
    low = 20 * np.log10(np.quantile(amplitude, 0.02)) - 6
    for axis, node, values in zip(axes, shown, amplitude.T, strict=True):
        found[node] = lines(frequency, values, window.tones_hz, window.sample_rate_hz)
        _draw(axis, frequency, values, found[node])
        axis.set_ylabel(f"{node}\ndB re 1 V")
        axis.grid()
    axes[0].set_xscale("log")
    label_decades(axes[0].xaxis)
    axes[0].set_xlim(frequency[0], frequency[-1])
    axes[0].set_ylim(low, 20 * np.log10(amplitude.max()) + 16)
    axes[-1].set_xlabel("frequency (Hz)")
    kinds = {line.kind for each in found.values() for line in each}
    marks = [axes[0].plot([], [], mark, color=colour, label=label)[0]
             for kind, (colour, mark, label) in LOOK.items() if kind in kinds]  # fmt: skip
    axes[0].legend(handles=marks, ncols=4, loc="lower left", bbox_to_anchor=(0, 0.97), handletextpad=0.3)
    more = f", for the first {OUTPUTS} of {len(outputs)} outputs" if len(outputs) > OUTPUTS else ""
    yield Drawing(
        "spectrum",
        f"One window of {len(window.volts)} samples after training, with the error on{more}. Hann window, peak "
        "amplitude; lines that stand out from the floor are marked.",
        figure,
    )
    rows = [
        (node, line.label, line.kind, float(f"{line.frequency_hz:.6g}"), round(20 * np.log10(line.amplitude_v), 1))
        for node, each in found.items()
        for line in each[:ROWS]
    ]
    yield heading(f"Lines, the highest {ROWS} of each channel")
    yield table(("channel", "line", "kind", "Hz", "dB re 1 V"), rows)


def _draw(axis: Axes, frequency: Array, values: Array, found: list[Line]) -> None:
    at, level = _thinned(frequency, 20 * np.log10(values))
    axis.plot(at, level, color=BLUE, linewidth=0.8)
    for line in found:
        colour, mark, _ = LOOK[line.kind]
        height = 20 * np.log10(line.amplitude_v)
        axis.plot(line.frequency_hz, height + 4, mark, color=colour, markersize=4)
    placed: list[float] = []
    for line in found:
        position = np.log10(line.frequency_hz)
        if len(placed) < LABELS and all(
            abs(position - other) > 0.17 * np.log10(frequency[-1] / frequency[0]) for other in placed
        ):
            placed.append(float(position))
            late = position > np.log10(frequency[-1]) - 0.17 * np.log10(frequency[-1] / frequency[0])
            axis.annotate(
                line.label, (line.frequency_hz, 20 * np.log10(line.amplitude_v) + 4), xytext=(-5 if late else 5, 0),
                textcoords="offset points", fontsize=7, color=INK, va="center", ha="right" if late else "left",
            )  # fmt: skip


def _thinned(frequency: Array, level: Array) -> tuple[Array, Array]:
    """Return at most COLUMNS points, equally spaced on the logarithmic axis: the highest of each."""
    if len(frequency) <= COLUMNS:
        return frequency, level
    column = np.floor(np.log(frequency / frequency[0]) / np.log(frequency[-1] / frequency[0]) * (COLUMNS - 1)).astype(
        int
    )
    starts = np.flatnonzero(np.r_[True, np.diff(column) > 0])
    highest = np.maximum.reduceat(level, starts)
    return frequency[starts], highest
