"""The spectrum of one window, with its tones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from labrig.runs.plots import RunData
from labrig.runs.plots.canvas import WHITE, label_decades, new_figure
from labrig.runs.spectrum import Window, amplitudes, load_spectrum


def draw(run: RunData) -> Figure | None:
    """Draw the spectrum; None for a run that stored no window. Raises StorageError if the window is damaged."""
    window = load_spectrum(run.folder)
    return None if window is None else spectrum(window, run.meta)


def spectrum(window: Window, meta: dict[str, Any]) -> Figure:
    """Draw the amplitude spectrum of the first output and the pilot, with the tones marked."""
    frequency, amplitude = amplitudes(window.volts, window.sample_rate_hz)
    figure = new_figure(8, 4)
    axis = figure.subplots()
    figure.subplots_adjust(left=0.1, right=0.98, bottom=0.14, top=0.92)
    first_output = meta["board"]["outputs"][0]
    shown = [node for node in (first_output, "pilot") if node in window.nodes]
    for node in shown:
        level = 20 * np.log10(np.maximum(amplitude[:, window.nodes.index(node)], 1e-9))
        axis.plot(frequency, level, linewidth=0.9)
    axis.set_xscale("log")
    label_decades(axis.xaxis)
    axis.set_xlim(frequency[0], frequency[-1])
    for tone, row in zip(window.tones_hz, _label_rows(window.tones_hz, frequency[-1] / frequency[0]), strict=True):
        axis.axvline(tone, color="C3", linestyle=":", linewidth=1)
        axis.annotate(
            f"{tone:g} Hz", (tone, 1), xycoords=("data", "axes fraction"), xytext=(3, -12 - 11 * row),
            textcoords="offset points", color="C3", fontsize=8, bbox=WHITE,
        )  # fmt: skip
    axis.set_xlabel("frequency (Hz)")
    axis.set_ylabel("amplitude (dB re 1 V peak)")
    axis.set_title(f"{meta['name']}: one window with the error on")
    legend = axis.legend(axis.lines[: len(shown)], ["node"] * len(shown), frameon=False, loc="upper left")
    for text, node in zip(legend.get_texts(), shown, strict=True):
        text.set_text(node)  # a label that begins with an underscore would be left out by matplotlib
    axis.grid(alpha=0.3)
    return figure


def _label_rows(tones_hz: Sequence[float], span: float) -> list[int]:
    """Return a row for the label of each tone, so that labels do not overlap. span: last frequency / first."""
    wide = span**0.1  # a tenth of the axis holds '12345.6 Hz'
    rows: list[int] = []
    for k, tone in enumerate(tones_hz):
        taken = {row for other, row in zip(tones_hz[:k], rows, strict=True) if 1 / wide < tone / other < wide}
        rows.append(next(row for row in range(len(tones_hz)) if row not in taken))
    return rows
