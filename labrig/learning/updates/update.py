"""The contract of an update, which turns the gradient of a batch into the settings to write."""

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
    """The size of a step: Δθ = −factor · remaining · ∂C/∂θ.

    Parameters
    ----------
    factor : float
        rate · s² / L₀, where s is the width of the configured range (S²/unit of the loss).
    total_steps : int or None
        Step at which a linear decay reaches zero; None keeps the rate constant.
    """

    factor: float
    total_steps: int | None = None

    def at(self, step: int) -> float:
        """Return factor · remaining for step number `step`, counted from 0."""
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
        Position of each edge's level in its table; empty if the channels are continuous.
    steps : int
        Steps taken so far.
    memory : mapping of str to array
        Other state that the update keeps between steps.
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
        The update's own keys, written next to `update:` in the `learning` section.
    levels : sequence of E LevelTable or Continuous
        Levels, or continuous range, of each edge's channel within the configured range of conductances.
    initial : (E,) array
        Initial conductances (S).
    rate : Rate
        Size of the steps.
    """

    Options: ClassVar[type[Section]] = NoOptions

    uses_rate: ClassVar[bool] = True
    """Whether the size of a step depends on `learning.rate`."""

    seed: int = 0
    """Seed of the run, for updates that draw random numbers; seed and step number determine the numbers of a step."""
    steps: int
    """Steps taken so far."""
    shadow: Array
    """(E,) conductances before rounding (S)."""

    @property
    @abstractmethod
    def levels(self) -> Sequence[LevelTable | Continuous]:
        """Levels, or continuous range, of each edge's channel within the configured range of conductances."""

    @abstractmethod
    def __init__(self, options: Any, levels: Sequence[LevelTable | Continuous], initial: Array, rate: Rate) -> None: ...

    @property
    @abstractmethod
    def conductances(self) -> Array:
        """(E,) nominal conductances of the settings on the board (S)."""

    @abstractmethod
    def settings(self) -> dict[int, Setting]:
        """The present setting of every edge."""

    @abstractmethod
    def apply(self, gradient: Array) -> dict[int, Setting]:
        """Take one step down the gradient of the loss (E,), and return the settings that change."""

    @abstractmethod
    def state(self) -> UpdateState:
        """The present state, to which `restore` can return."""

    @abstractmethod
    def resume(self, shadow: Array, conductances: Array, steps: int) -> None:
        """Continue a run after `steps` steps.

        Parameters
        ----------
        shadow : (E,) array
            Conductances before rounding (S).
        conductances : (E,) array
            Nominal conductances of the settings as written (S).
        steps : int
            Steps taken so far.
        """

    def memory(self) -> Mapping[str, Array]:
        """State kept between steps besides `shadow` and `steps`; the run commits it with every step."""
        return {}

    def remember(self, memory: Mapping[str, Array]) -> None:
        """Restore the state that `memory` returned after the last step. Call this after `resume`."""
        return

    @abstractmethod
    def restore(self, state: UpdateState) -> None:
        """Return to `state`: undo every step taken since then."""
