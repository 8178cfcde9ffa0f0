"""The contract of a learning rule: a generator that yields what to play and is sent what came back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from labrig.config.section import NoOptions, Section
from labrig.instruments.data import Continuous, LevelTable, Setting
from labrig.learning.carriers import Carrier
from labrig.learning.gradient import Gradient
from labrig.learning.losses import Loss
from labrig.learning.measurement import Excitation, Response

Array = NDArray[np.float64]

Measurements = Generator[Excitation, Response, Gradient | None]
"""What a rule's `gradient` returns: yields excitations, is sent responses, ends with the gradient."""


@dataclass(frozen=True)
class Example:
    """One example: activation (I,) in V, target (R,) as the task has it."""

    activation: Array
    target: Array


class EdgeStates(Protocol):
    """The E programmable edges as they stand; every update is one."""

    @property
    def levels(self) -> Sequence[LevelTable | Continuous]:
        """What each edge can realize within the configured range."""
        ...

    @property
    def conductances(self) -> Array:
        """(E,) nominal conductance of what is written now (S)."""
        ...

    def settings(self) -> Mapping[int, Setting]:
        """What is written now, by edge."""
        ...


class Rule(ABC):
    """A learning rule.

    Parameters
    ----------
    options : instance of `cls.Options`
        Its own keys, written next to `rule:` in the `learning` section.

    Attributes
    ----------
    estimand : str
        What its expectation is, in words.
    measures : bool
        Whether it measures; a rule that does not is refused by every bench but the simulated one.
    clamps : bool
        Whether the sources of the error must hold the outputs.
    of_squares : bool
        Whether it reads ½u² of the edges, so that their energy must be ½θu².
    subtracts_zeros : bool
        Whether zeros of channels cancel in what it takes for the outputs.
    """

    Options: ClassVar[type[Section]] = NoOptions
    estimand: ClassVar[str] = "the gradient"
    measures: ClassVar[bool] = True
    clamps: ClassVar[bool] = False
    of_squares: ClassVar[bool] = False
    subtracts_zeros: ClassVar[bool] = False

    def __init__(self, options: Any) -> None:
        self.options = options

    @abstractmethod
    def acquisitions(self, edges: int, carrier: type[Carrier]) -> int:
        """Acquisitions per example on a board with this many edges; an example whose error is zero takes fewer."""

    def acquisitions_of(self, edges: int, outputs: int, carrier: type[Carrier]) -> int:
        """The same on a board with this many outputs too, for a rule that needs to know."""
        return self.acquisitions(edges, carrier)

    @classmethod
    def objection(cls, carrier: type[Carrier], activation: str) -> str | None:
        """Why it cannot work with this carrier or activation ("dc" or "sine"), with the remedy; None if it can."""
        return None

    @abstractmethod
    def gradient(self, example: Example, loss: Loss, carrier: Carrier, edges: EdgeStates) -> Measurements:
        """Measure ∂C/∂θ of one example.

        Yields
        ------
        Excitation
            What to play next. It is sent the Response.

        Returns
        -------
        Gradient or None
            With its uncertainties; None if the example has nothing to teach.
        """


def conduct(measurements: Measurements, measure: Callable[[Excitation], Response]) -> Gradient | None:
    """Drive a rule to its end: `measure` plays an excitation, or answers from a record."""
    try:
        excitation = next(measurements)
        while True:
            excitation = measurements.send(measure(excitation))
    except StopIteration as end:
        return end.value
