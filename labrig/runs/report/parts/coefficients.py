"""The coefficients a and b of every edge, from the window that was stored after training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from labrig.network.physics import GROUND
from labrig.runs.report.blocks import Block, Drawing, Missing
from labrig.runs.report.figures import BLUE, GREY, SKY, panels
from labrig.runs.report.reported import Reported
from labrig.runs.report.scales import fit
from labrig.runs.spectrum import Window, load_spectrum

Array = NDArray[np.float64]
TITLE = "Coefficients a and b"
NAMED = 40
"""Number of edges up to which each has its name on the axis; more are drawn in order of size."""
_CARRIERS = ("shared_tone", "tone_per_output")


def blocks(run: Reported) -> Iterator[Block]:
    """Yield a and b of every edge."""
    window = load_spectrum(run.folder)
    if window is None:
        raise Missing("a and b of single steps are not recorded, and no window was stored at the end of the run")
    if run.unit != "V" or run.card.get("carrier") not in _CARRIERS:
        raise Missing("a and b of single steps are not recorded, and the stored window gives them only for voltages at "
                      "tones of their own")  # fmt: skip
    ends = [(str(a), str(b)) for _, a, b in run.board["edges"]]
    unseen = {node for pair in ends for node in pair if node != GROUND and node not in window.nodes}
    if unseen or "pilot" not in window.nodes:
        raise Missing(
            f"a and b cannot be computed: {', '.join(sorted(unseen)[:5]) or 'the pilot'} is not in the window"
        )
    a, b = _coefficients(window, ends, run.card.get("activation") == "sine", _skew(run, window))
    figure, axes = panels(2, 3.4, sharex=True)
    order = np.arange(len(ends)) if len(ends) <= NAMED else np.argsort(a)
    places = np.arange(len(ends))
    many = len(ends) > NAMED
    size = 4 if not many else 2 if len(ends) <= 1000 else 1
    for axis, values, name, unit in ((axes[0], a, "a", 1.0), (axes[1], b, "b", 1e6)):
        shown = unit * values[order]
        if not many:
            axis.vlines(places, 0, shown, color=GREY, linewidth=0.8)
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
    tones = len(window.tones_hz) - (run.card.get("activation") == "sine")
    more = f" b is the sum over {tones} error tones." if tones > 1 else ""
    yield Drawing(
        "coefficients",
        "Response of every edge to the activation (a) and to the full error current on every output (b) in the window "
        f"that was stored after training.{more} The coefficients of single steps are not recorded.",
        figure,
    )


def _skew(run: Reported, window: Window) -> Array:
    """Return the delay of every channel (s); zero where the plan does not say."""
    skew = run.meta.get("rig", {}).get("plan", {}).get("skew_s", ())
    return np.array(skew, dtype=float) if len(skew) == len(window.nodes) else np.zeros(len(window.nodes))


def _coefficients(window: Window, ends: list[tuple[str, str]], sine: bool, skew: Array) -> tuple[Array, Array]:
    """Return (E,) a and b (V) against the pilot: mean or first tone of every drop, and the sum of its other tones."""
    seconds = np.arange(len(window.volts)) / window.sample_rate_hz
    turning = np.exp(-2j * np.pi * np.outer(window.tones_hz, seconds))
    phasors = 2 / len(seconds) * turning @ window.volts
    phasors *= np.exp(-2j * np.pi * np.outer(window.tones_hz, skew))
    pilot = phasors[:, window.nodes.index("pilot")]
    signed = (phasors * (pilot.conj() / np.abs(pilot))[:, None]).real
    at_node = {node: k for k, node in enumerate(window.nodes)}
    mean = window.volts.mean(axis=0)

    def drops(values: Array) -> Array:
        volts = np.append(values, 0.0)
        first, second = np.array([[at_node.get(node, -1) for node in pair] for pair in ends]).T
        return volts[first] - volts[second]

    error = signed[1:].sum(axis=0) if sine else signed.sum(axis=0)
    return drops(signed[0] if sine else mean), drops(error)
