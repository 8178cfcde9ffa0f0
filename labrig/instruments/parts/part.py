"""The contract of a part: the programmable component of one programmer channel."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np

from labrig.instruments.data import Continuous, LevelTable, Setting


class Part(ABC):
    """A part with a programmable conductance, according to its data sheet.

    An instance is either nominal or one specimen; `drawn` returns specimens. Subclasses take no arguments; their data
    are class attributes.

    Attributes
    ----------
    name : str
        Name for messages, by default the class name.
    supply_span_v : tuple of float
        Smallest and largest voltage between its supply rails (V); by default any.
    chip : tuple of str
        For each rheostat in one package, its terminals as printed on the wiring sheet, beginning with the terminal for
        the first node of the edge.
    reads_back : bool
        Whether the setting can be read back from the part.
    opens : bool
        Whether the part can open its terminals. Otherwise its setting of least conductance, code 0, is its safe state.
    """

    name: str = ""
    reads_back: bool = True
    opens: bool = True
    chip: tuple[str, ...] = ()
    supply_span_v: tuple[float, float] = (0.0, math.inf)

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "name" not in vars(cls):
            cls.name = cls.__name__

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(type(self))

    @property
    def chip_name(self) -> str:
        """Name of the part without a resistor in series: the name by which the firmware knows it."""
        return type(self).name

    @abstractmethod
    def levels(self) -> LevelTable | Continuous:
        """Realizable conductances (S): one per code, or a continuous range."""

    @property
    @abstractmethod
    def power_up(self) -> Setting:
        """Setting at power-up: a `Level` if the part has levels, a `Target` if it is continuous."""

    @abstractmethod
    def conductance(self, setting: Setting) -> float:
        """Conductance (S) of this specimen at a setting: a `Level` or a `Target`, as for `power_up`."""

    def drawn(self, generator: np.random.Generator) -> Self:
        """Draw a random specimen within the data sheet's tolerance. A part without tolerance returns itself."""
        return self


def problem_of_levels(levels: Any) -> str:
    """Return what is wrong with the levels of a part that does not come with labrig; empty if nothing is."""
    if isinstance(levels, Continuous):
        fits = 0 <= levels.minimum < levels.maximum < math.inf
        return "" if fits else "levels() must return a Continuous with 0 ≤ minimum < maximum (S)"
    if not isinstance(levels, LevelTable):
        return f"levels() must return a LevelTable or a Continuous, not {type(levels).__name__}"
    codes, siemens = levels.codes, levels.siemens
    arrays = all(isinstance(each, np.ndarray) and each.ndim == 1 and len(each) for each in (codes, siemens))
    if not arrays or codes.shape != siemens.shape or codes.dtype.kind not in "iu":
        return "codes and siemens of its levels() must be NumPy arrays of the same length, with whole numbers as codes"
    if len(np.unique(codes)) < len(codes):
        return "a code occurs twice in its levels()"
    if not (np.isfinite(siemens).all() and siemens[0] >= 0 and (np.diff(siemens) > 0).all()):
        return "the conductances of its levels() must be ≥ 0 and increase; sort them, each with its code"
    return ""


def check_supply(part: Part, supply_v: tuple[float, float]) -> None:
    """Raise ValueError, starting with 'supply: ', unless the part works on these rails (lower, upper; V)."""
    low, high = supply_v
    if low >= high:
        raise ValueError("supply: write the lower rail first, e.g. [-2.5 V, 2.5 V]")
    least, greatest = part.supply_span_v
    if not least <= high - low <= greatest:
        raise ValueError(
            f"supply: {part.name} needs {least:g} V to {greatest:g} V between its rails, not {high - low:g} V"
        )
