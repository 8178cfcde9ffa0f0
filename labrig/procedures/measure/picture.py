"""The window of one acquisition as a picture: the nodes over time, and their spectra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from labrig.runs.plots.canvas import WHITE, label_decades, new_figure, own_settings, png
from labrig.runs.plots.colours import LINES
from labrig.runs.spectrum import Window, amplitudes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES = 8
"""Largest number of nodes in a picture; more lines could not be told apart."""

PERIODS = 4
"""Smallest number of periods of the slowest tone in the time trace."""

LEAST_V = 1e-9


def chosen_nodes(nodes: Sequence[str], first: Sequence[str], pilot: str) -> list[str]:
    """Return the nodes to draw, at most MOST_LINES: those in `first`, then others in order, and the pilot last."""
    wanted = dict.fromkeys([*first, *nodes])
    wanted.pop(pilot, None)
    return [*list(wanted)[: MOST_LINES - 1], pilot]


def window_picture(window: Window, shown: Sequence[str], title: str, unit: str) -> bytes:
    """Return a PNG with the time trace and the amplitude spectrum of some nodes of a window."""
    with own_settings():
        figure = new_figure(8, 7)
        above, below = figure.subplots(2)
        figure.subplots_adjust(left=0.13, right=0.83, bottom=0.08, top=0.95, hspace=0.28)
        _time_trace(above, window, shown, unit)
        above.set_title(title)
        above.legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), frameon=False)
        _spectrum(below, window, shown, unit)
        return png(figure)


def _time_trace(axis: Axes, window: Window, shown: Sequence[str], unit: str) -> None:
    slowest = min(window.tones_hz, default=0.0)
    seconds = len(window.volts) / window.sample_rate_hz
    count = len(window.volts)
    if slowest * seconds > PERIODS:
        count = min(count, max(32, int(PERIODS / slowest * window.sample_rate_hz) + 1))
    milliseconds = 1e3 * np.arange(count) / window.sample_rate_hz
    *others, pilot = zip(shown, LINES, strict=False)
    for node, colour in others:
        axis.plot(milliseconds, window.volts[:count, window.nodes.index(node)], color=colour, linewidth=1, label=node)
    axis.plot([], [], color=pilot[1], linewidth=1, label=f"{pilot[0]}\n(spectrum)")  # it would dwarf the nodes
    axis.set_xlim(0, milliseconds[-1])
    axis.set_xlabel(f"time (ms), the first {milliseconds[-1]:.3g} of {1e3 * seconds:.4g} ms")
    axis.set_ylabel(f"sample ({unit})")
    axis.grid(alpha=0.3)


def _spectrum(axis: Axes, window: Window, shown: Sequence[str], unit: str) -> None:
    hz, amplitude = amplitudes(window.volts, window.sample_rate_hz)
    for node, colour in zip(shown, LINES, strict=False):
        column = window.nodes.index(node)
        axis.plot(hz, np.maximum(amplitude[:, column], LEAST_V), color=colour, linewidth=0.8, alpha=0.9)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlim(hz[0], hz[-1])
    label_decades(axis.xaxis)
    label_decades(axis.yaxis)
    bottom = float(np.median(amplitude[:, [window.nodes.index(node) for node in shown]]))
    axis.set_ylim(max(LEAST_V, bottom / 30), None)
    for tone in window.tones_hz:
        axis.axvline(tone, color="0.3", linestyle=":", linewidth=1, zorder=0)
        axis.annotate(f"{tone:g} Hz", (tone, 0.98), xycoords=("data", "axes fraction"), xytext=(3, 0), va="top",
                      textcoords="offset points", rotation=90, fontsize=8, color="0.3", bbox=WHITE)  # fmt: skip
    axis.set_xlabel("frequency (Hz)")
    axis.set_ylabel(f"amplitude ({unit})")
    axis.grid(alpha=0.3)
