"""Units of the metrics of a run, by their names."""

from __future__ import annotations

from labrig.quantities import UNITS

_LOSSES = {"squared_error": "{state}²", "softmax_cross_entropy": "nat"}


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


def unit_of_key(key: str) -> str:
    """Return the SI unit for its lower-case form in names of metrics: 'Pa' for 'pa'; empty if it is not a unit."""
    return next((unit for unit in UNITS if unit.lower() == key), "")
