"""Figures of a report: SVG that follows the colours of its page, and SVG and PDF in black on white for a paper.

Text is stored as text, so that it can be searched and stays small. Ink and paper are two colours that nothing else
uses; in a page they become the variables --ink and --paper of its style sheet.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from labrig.runs.plots.canvas import new_figure, own_settings
from labrig.runs.plots.colours import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, PAPER, GREY = "#1b1f24", "#fefefe", "#80868e"
MAP = "labrig"
"""Colour map of conductances: viridis without its ends, which are hard to see on dark and on light paper."""
_MAP_ENDS = 0.3, 0.92
MOST_SHAPES = 1500
"""A collection with more shapes is stored as pixels: each shape is a hundred bytes of SVG or more."""
_PIXELS_PER_INCH = 150
_SETTINGS = {
    "axes.prop_cycle": f"cycler('color', {[BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY]})",
    "axes.edgecolor": INK, "axes.labelcolor": INK, "axes.facecolor": "none", "axes.linewidth": 0.7,
    "axes.spines.right": False, "axes.spines.top": False, "axes.titlesize": 10, "axes.labelsize": 9,
    "figure.facecolor": PAPER, "font.size": 9, "grid.color": GREY, "grid.alpha": 0.35, "grid.linewidth": 0.5,
    "image.cmap": MAP, "legend.fontsize": 8, "legend.frameon": False, "lines.linewidth": 1.4, "pdf.fonttype": 42,
    "svg.fonttype": "none", "text.color": INK, "xtick.color": INK, "ytick.color": INK, "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}  # fmt: skip
_STYLE = re.compile(r'style="([^"]*)"')
_COLOURS = {INK: "var(--ink)", PAPER: "var(--paper)", "#ffffff": "var(--paper)"}


@contextmanager
def report_settings() -> Iterator[None]:
    """Draw with the settings of a report, and restore the user's settings afterwards."""
    with own_settings():
        import matplotlib
        from matplotlib.colors import ListedColormap

        if MAP not in matplotlib.colormaps:
            colours = matplotlib.colormaps["viridis"](np.linspace(*_MAP_ENDS, 256))
            matplotlib.colormaps.register(ListedColormap(colours, MAP))
        matplotlib.rcParams.update(_SETTINGS)  # type: ignore[arg-type]
        yield


def panels(count: int = 1, height: float = 2.6, width: float = 7.2, **options: object) -> tuple[Figure, list]:
    """Return a figure with panels one above the other, and its axes; heights and widths in inches.

    The margins are fixed (inches), so that the panels of all figures of a page line up.
    """
    figure = new_figure(width, height)
    axes = figure.subplots(count, 1, squeeze=False, **options)[:, 0].tolist()  # type: ignore[call-overload]
    figure.subplots_adjust(0.75 / width, 0.5 / height, 1 - 0.15 / width, 1 - 0.3 / height, hspace=0.12)
    return figure, axes


def along_steps(axis: Axes) -> None:
    """Label the horizontal axis as steps, with ticks at whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axis.set_xlabel("step (updates)")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))


def for_page(figure: Figure, name: str) -> str:
    """Return a figure as an <svg> element for a page; its ids begin with `name`, as a page has several figures."""
    svg = _svg(figure, name)
    svg = svg[svg.index("<svg") :].replace('<g id="', '<g data-was="')
    svg = re.sub(r' data-was="[^"]*"', "", svg)
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"', r"<svg \1", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return _STYLE.sub(_with_variables, svg).strip()


def for_paper(figure: Figure, name: str) -> dict[str, bytes]:
    """Return a figure as SVG and PDF in black on white, by suffix."""
    pdf = io.BytesIO()
    figure.savefig(pdf, format="pdf", metadata={"CreationDate": None}, dpi=300)
    return {"svg": _svg(figure, name).encode(), "pdf": pdf.getvalue()}


def _svg(figure: Figure, name: str) -> str:
    import matplotlib

    for collection in (each for axis in figure.axes for each in axis.collections):
        if max(len(collection.get_paths()), len(np.atleast_1d(collection.get_offsets()))) > MOST_SHAPES:
            collection.set_rasterized(True)
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, dpi=_PIXELS_PER_INCH)
    return buffer.getvalue().decode()


def _with_variables(style: re.Match[str]) -> str:
    text = style[1]
    for colour, variable in _COLOURS.items():
        text = text.replace(colour, variable)
    return f'style="{text}"'
