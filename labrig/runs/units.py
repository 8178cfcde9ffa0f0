"""Units of the metrics of a run, by their names, and counts in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from labrig.quantities import UNITS

_LOSSES = {"squared_error": "{state}²", "softmax_cross_entropy": "nat"}


def counted(number: int, thing: str, plural: str = "") -> str:
    """Return a number of things in words: "1 step", "2 steps"; `plural` is needed if it is not `thing` with an s."""
    return f"{number} {thing}" if number == 1 else f"{number} {plural or thing + 's'}"


def loss_unit(loss: str | None, state: str) -> str:
    """Return the unit of a loss by its name, given the unit of the nodes' state; empty if it is unknown."""
    return _LOSSES.get(loss or "", "").format(state=state)


def figure_unit(name: str) -> str:
    """Return the unit of a metric: 'V' for `rms_v` and `test_rms_v`; empty for a metric without unit."""
    base, _, key = name.rpartition("_")
    return unit_of_key(key) if base.rpartition("_")[2] == "rms" else ""


def is_figure(name: str, base: str) -> bool:
    """Return whether `name` is the metric `base`, with or without a unit at the end."""
    return name == base or (name.rpartition("_")[0] == base and bool(figure_unit(name)))


def shown_parameter(board: Mapping[str, Any]) -> tuple[float, str, str]:
    """Return the factor by which edge parameters are multiplied for display, and the quantity and unit of the result.

    Conductances are shown in µS, others in a power of ten of their unit that leaves one to three digits.
    """
    named = board.get("parameter", {"quantity": "conductance", "unit": "S"})
    quantity, unit = str(named["quantity"]).replace("_", " "), str(named["unit"])
    if unit == "S":
        return 1e6, quantity, "µS"
    high = float(max(board["range_s"]))
    exponent = 3 * math.floor(math.log10(high) / 3) if high > 0 else 0
    power = str(exponent).translate(_SUPERSCRIPTS)
    return 10.0**-exponent, quantity, unit if not exponent else f"10{power} {unit}"


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def unit_of_key(key: str) -> str:
    """Return the SI unit that a lower-case suffix of a metric stands for: 'Pa' for 'pa'; empty if there is none."""
    return next((unit for unit in UNITS if unit.lower() == key), "")
