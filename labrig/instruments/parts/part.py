"""The contract of a part: what one channel of a programmer is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np

from labrig.instruments.data import Continuous, LevelTable, Setting


class Part(ABC):
    """A part with a programmable conductance, as its data sheet says.

    An instance is either nominal or one specimen of the part: `drawn` gives specimens, which keep the same contract.
    A subclass takes no arguments; its facts are class attributes.

    Attributes
    ----------
    name : str
        What it is called in messages, by default the name of the class.
    supply_span_v : tuple of float
        The least and the greatest voltage between its rails (V).
    """

    name: str = ""
    supply_span_v: tuple[float, float]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "name" not in vars(cls):
            cls.name = cls.__name__

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(type(self))

    @abstractmethod
    def levels(self) -> LevelTable | Continuous:
        """What it can realize: a conductance for each code, or every conductance between two bounds (S)."""

    @property
    @abstractmethod
    def power_up(self) -> Setting:
        """What it holds when its supply comes up: a `Level` if it has levels, a `Target` if it is continuous."""

    @abstractmethod
    def conductance(self, setting: Setting) -> float:
        """Conductance (S) of this specimen at a setting: a `Level` if it has levels, a `Target` if it is continuous."""

    def drawn(self, generator: np.random.Generator) -> Self:
        """One specimen, drawn within the tolerance of the data sheet. A part without tolerance is its own specimen."""
        return self


def check_supply(part: Part, supply_v: tuple[float, float]) -> None:
    """Raise ValueError, beginning with 'supply: ', if a part cannot work between these rails (lower, upper; V)."""
    low, high = supply_v
    if low >= high:
        raise ValueError("supply: write the lower rail first, e.g. [-2.5 V, 2.5 V]")
    least, greatest = part.supply_span_v
    if not least <= high - low <= greatest:
        raise ValueError(
            f"supply: {part.name} works on {least:g} V to {greatest:g} V between its rails, not {high - low:g} V"
        )
