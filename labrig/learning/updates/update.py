"""The contract of an update: from the gradient of a batch to what is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labrig.config.section import NoOptions, Section
from labrig.instruments.data import Continuous, LevelTable, Setting

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rate:
    """How far a step goes: Δθ = −factor · remaining · ∂C/∂θ.

    Parameters
    ----------
    factor : float
        rate · s² / L₀, s the width of the configured range (S²/unit of the loss).
    total_steps : int or None
        Where a linear decay reaches zero; None keeps the rate.
    """

    factor: float
    total_steps: int | None = None

    def at(self, step: int) -> float:
        """Factor of step number `step`, counted from 0."""
        remaining = 1.0 if self.total_steps is None else max(0.0, 1.0 - step / self.total_steps)
        return self.factor * remaining


@dataclass(frozen=True)
class UpdateState:
    """State of an update.

    Parameters
    ----------
    shadow : (E,) array
        Conductances before rounding (S).
    position : (E,) int array
        Of each edge's level.
    steps : int
        Taken so far.
    memory : mapping of str to array
        What else it remembers of its steps.
    """

    shadow: Array
    position: NDArray[np.intp]
    steps: int
    memory: Mapping[str, Array] = field(default_factory=dict[str, Array])


class Update(ABC):
    """Changes conductances step by step.

    Parameters
    ----------
    options : instance of `cls.Options`
        Its own keys, written next to `update:` in the `learning` section.
    levels : sequence of E
        What each edge's channel realizes within the configured range.
    initial : (E,) array
        Conductances to begin with (S).
    rate : Rate
    """

    Options: ClassVar[type[Section]] = NoOptions

    seed: int = 0
    """Seed of the run, for updates that draw random numbers: those of a step follow from it and the step's number."""
    steps: int
    """Steps taken so far."""
    shadow: Array
    """(E,) conductances before rounding (S)."""

    @property
    @abstractmethod
    def levels(self) -> Sequence[LevelTable | Continuous]:
        """What each edge's channel realizes within the configured range."""

    @abstractmethod
    def __init__(self, options: Any, levels: Sequence[LevelTable | Continuous], initial: Array, rate: Rate) -> None: ...

    @property
    @abstractmethod
    def conductances(self) -> Array:
        """(E,) nominal conductance of what is written now (S)."""

    @abstractmethod
    def settings(self) -> dict[int, Setting]:
        """The present setting of every edge."""

    @abstractmethod
    def apply(self, gradient: Array) -> dict[int, Setting]:
        """Take one step down the gradient of the loss (E,), and return the settings that change."""

    @abstractmethod
    def state(self) -> UpdateState:
        """The present state, to return to with `restore`."""

    @abstractmethod
    def resume(self, shadow: Array, conductances: Array, steps: int) -> None:
        """Go on after so many steps, from the conductances (E,) before rounding and as written (S)."""

    def memory(self) -> Mapping[str, Array]:
        """What it remembers of its steps besides `shadow` and `steps`; it is committed with every step."""
        return {}

    def remember(self, memory: Mapping[str, Array]) -> None:
        """Take up what `memory` returned after the last step; call it after `resume`."""
        return

    @abstractmethod
    def restore(self, state: UpdateState) -> None:
        """Forget every step taken since `state`."""
