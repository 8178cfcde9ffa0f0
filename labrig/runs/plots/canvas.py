"""matplotlib with labrig's own settings.

A picture looks the same everywhere: MPLBACKEND and the user's matplotlibrc are ignored, and text is drawn literally,
without mathtext. The package imports this module before any picture, so that it is the first to import matplotlib.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

DPI = 130
WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}
"""Background of a label, so that lines do not cross the text."""


def _import_matplotlib() -> None:
    """Import matplotlib without MPLBACKEND.

    The import fails if that backend is not installed, e.g. one that a notebook passes on to its child processes.
    """
    if "matplotlib" in sys.modules:
        return
    backend = os.environ.pop("MPLBACKEND", None)
    try:
        import matplotlib
    finally:
        if backend is not None:
            os.environ["MPLBACKEND"] = backend
    if backend is not None:
        with suppress(ValueError):  # for pyplot, which the user may import later in this process
            matplotlib.rcParams["backend"] = backend


_import_matplotlib()


@contextmanager
def own_settings() -> Iterator[None]:
    """Draw with matplotlib's defaults and literal text, and restore the user's settings afterwards.

    Warnings are dropped; a character that the font lacks is drawn as a box.
    """
    import matplotlib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with matplotlib.rc_context():
            defaults = matplotlib.rcParamsDefault.items()
            matplotlib.rcParams.update({name: value for name, value in defaults if name != "backend"})
            matplotlib.rcParams["text.parse_math"] = False
            matplotlib.rcParams["axes.titley"] = 1.0  # otherwise all ticks are measured to find a place for the title
            yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of this size (inches) on an Agg canvas.

    The caller sets the margins by hand, because a layout engine draws everything twice.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def png(figure: Figure) -> bytes:
    """Return the figure as a PNG."""
    buffer = io.BytesIO()
    figure.savefig(
        buffer, format="png", dpi=DPI, pil_kwargs={"compress_level": 2}
    )  # a third larger, three times faster
    return buffer.getvalue()


def label_decades(axis: Axis) -> None:
    """Label the decades of a logarithmic axis without mathtext: 10⁻³."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(_power_of_ten))
    axis.set_minor_formatter(NullFormatter())


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _power_of_ten(value: float, position: int | None = None) -> str:
    mantissa, _, exponent = f"{abs(value):.0e}".partition("e")
    sign = "−" if value < 0 else ""
    if mantissa != "1":  # the 0 of a symlog axis
        return f"{value:g}".replace("-", "−")
    return f"{sign}10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
