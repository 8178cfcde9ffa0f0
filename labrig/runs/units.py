"""Units of the figures of a run, by their names."""

from __future__ import annotations

from labrig.quantities import UNITS

_LOSSES = {"squared_error": "{state}²", "softmax_cross_entropy": "nat"}


def loss_unit(loss: str | None, state: str) -> str:
    """Return the unit of a loss by its name, where nodes carry a state with this unit; empty if it is not known."""
    return _LOSSES.get(loss or "", "").format(state=state)


def figure_unit(name: str) -> str:
    """Return the unit of a figure: 'V' for `rms_v` and `test_rms_v`; empty for one without."""
    base, _, key = name.rpartition("_")
    return unit_of_key(key) if base.rpartition("_")[2] == "rms" else ""


def is_figure(name: str, base: str) -> bool:
    """Whether this is the figure `base`, with or without a unit at the end of its name."""
    return name == base or (name.rpartition("_")[0] == base and bool(figure_unit(name)))


def unit_of_key(key: str) -> str:
    """Return the SI unit that the name of a figure ends with in small letters: 'Pa' for 'pa'; empty if it is none."""
    return next((unit for unit in UNITS if unit.lower() == key), "")
