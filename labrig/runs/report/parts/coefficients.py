"""The coefficients a and b of every edge, from the window that was stored after training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.lockin import Flag, demodulate
from labrig.lockin.drops import DropTerms
from labrig.network.physics import GROUND
from labrig.quantities import format_quantity
from labrig.runs.plots.colours import BLUE, SKY
from labrig.runs.plots.scales import fit
from labrig.runs.report.blocks import Block, Drawing, Missing
from labrig.runs.report.figures import GREY, INK, panels
from labrig.runs.report.intervals import Z
from labrig.runs.report.reported import Reported
from labrig.runs.report.spectra import MAINS_HZ
from labrig.runs.spectrum import Window, load_spectrum

Array = NDArray[np.float64]
TITLE = "Coefficients a and b"
NAMED = 40
"""Number of edges up to which each has its name on the axis; if there are more, they are drawn in order of size."""
_CARRIERS = ("shared_tone", "tone_per_output")


def blocks(run: Reported) -> Iterator[Block]:
    """Yield a and b of every edge."""
    window = load_spectrum(run.folder)
    if window is None:
        raise Missing("a and b of single steps are not recorded, and no window was stored at the end of the run")
    if run.unit != "V" or run.card.get("carrier") not in _CARRIERS:
        raise Missing("a and b of single steps are not recorded, and the stored window gives them only for electrical "
                      "boards with one tone for all errors or one per output")  # fmt: skip
    ends = [(str(a), str(b)) for _, a, b in run.board["edges"]]
    unseen = {node for pair in ends for node in pair if node != GROUND and node not in window.nodes}
    if unseen or "pilot" not in window.nodes:
        raise Missing(
            f"a and b cannot be computed: {', '.join(sorted(unseen)[:5]) or 'the pilot'} is not in the window"
        )
    plan = run.meta.get("rig", {}).get("plan", {})
    sine = run.card.get("activation") == "sine"
    read = _coefficients(window, ends, sine, plan.get("skew_s") or None, plan.get("aperture_s", 0.0))
    figure, axes = panels(2, 3.4, sharex=True)
    order = np.arange(len(ends)) if len(ends) <= NAMED else np.argsort(read.a)
    places = np.arange(len(ends))
    many = len(ends) > NAMED
    size = 4 if not many else 2 if len(ends) <= 1000 else 1
    drawn = ((axes[0], read.a, read.u_a, "a", 1.0), (axes[1], read.b, read.u_b, "b", 1e6))
    for axis, values, u_values, name, unit in drawn:
        shown = unit * values[order]
        if not many:
            axis.vlines(places, 0, shown, color=GREY, linewidth=0.8)
            axis.errorbar(places, shown, Z * unit * u_values[order], fmt="none", ecolor=INK, elinewidth=0.8, capsize=2)
        axis.plot(places, shown, "o", markersize=size, color=BLUE if name == "a" else SKY, markeredgewidth=0,
                  rasterized=len(ends) > 1500)  # fmt: skip
        axis.axhline(0, color=GREY, linewidth=0.6)
        fit(axis, shown, np.zeros(1))
        axis.set_ylabel(f"{name} ({'V' if unit == 1 else 'µV'})")
        axis.grid(axis="y")
    if many:
        axes[-1].set_xlabel("edge, in order of a")
    else:
        figure.subplots_adjust(bottom=0.95 / 3.4)
        axes[-1].set_xticks(places, run.edges, rotation=90, fontsize=6.5)
    tones = len(window.tones_hz) - sine
    more = f" b is the sum over {tones} error tones." if tones > 1 else ""
    yield Drawing(
        "coefficients",
        "Response of every edge to the activation (a) and to the full error current on every output (b) in the window "
        f"that was stored after training.{more} {_noise(read, many, _step_v(run), len(window.volts))} The coefficients "
        "of single steps are not recorded.",
        figure,
    )


def _noise(read: _Coefficients, many: bool, step_v: float, samples: int) -> str:
    """Return sentences about the noise of a and b, and about rounding by steps of `step_v` that noise does not average.

    White noise of half a step at each channel averages rounding away; a drop is the difference of two channels.
    """
    u_a, u_b = (float(np.median(u)) for u in (read.u_a, read.u_b))
    bars = "" if many else "Bars: 95 % intervals of the noise. "
    if u_a * np.sqrt(samples / 2) > step_v / 2:
        stated_a, stated_b = (format_quantity(float(f"{u:.2g}"), "voltage") for u in (u_a, u_b))
        return f"{bars}The standard error due to noise is {stated_a} for a and {stated_b} for b (median)."
    return (
        f"{bars}The noise is smaller than half a step of the digitizer, so rounding does not average out. Each channel "
        f"may be off by up to half a step, {format_quantity(step_v / 2, 'voltage')}, and noise does not show how far."
    )


def _step_v(run: Reported) -> float:
    """Return the largest step (V) of the channels; 0 if the digitizer states no resolution."""
    digitizer = run.card.get("digitizer") or {}
    bits, ranges_v = digitizer.get("bits"), digitizer.get("ranges_v")
    return 2 * max(ranges_v) / 2**bits if bits and ranges_v else 0.0


@dataclass(frozen=True)
class _Coefficients:
    """(E,) a and b of every edge, with their standard errors (V)."""

    a: Array
    u_a: Array
    b: Array
    u_b: Array


def _coefficients(
    window: Window,
    ends: list[tuple[str, str]],
    sine: bool,
    skew_s: Sequence[float] | None = None,
    aperture_s: float = 0.0,
) -> _Coefficients:
    """Return a and b: DC or the first tone of every drop, and the sum of its other tones, against the pilot.

    Raises Missing if the pilot is too weak for its phase to give a sign.
    """
    column = {node: k for k, node in enumerate(window.nodes)}
    columns = np.array([[column.get(node, 0) for node in pair] for pair in ends]).T
    weights = np.array(
        [[sign * (node != GROUND) for sign, node in zip((1.0, -1.0), pair, strict=True)] for pair in ends]
    )
    read = demodulate(
        window.volts, window.sample_rate_hz, window.tones_hz, DropTerms(columns, weights.T, len(window.nodes)),
        column["pilot"], skew_s, MAINS_HZ, aperture_s,
    )  # fmt: skip
    if Flag.REF_WEAK in read.flags:
        raise Missing("a and b cannot be computed: the pilot is too weak in the window that was stored")
    first = 1 if sine else 0
    a, u_a = (read.in_phase[0], read.u_edge[0]) if sine else (read.edge_dc, read.u_edge_dc)
    return _Coefficients(a, u_a, read.in_phase[first:].sum(axis=0), np.linalg.norm(read.u_edge[first:], axis=0))
