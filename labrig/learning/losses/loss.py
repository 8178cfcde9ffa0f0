"""The contract of a loss; its gradient with respect to the outputs is injected as an error current."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from labrig.config.section import NoOptions, Section

Array = NDArray[np.float64]

Targets = Literal["voltages", "classes"]
"""Kind of a target: the desired voltage (V) of each readout, or a class in one-hot form."""


@dataclass(frozen=True)
class TrainingTargets:
    """The part of a task that a loss is built from.

    Parameters
    ----------
    readout : (R, O) array
        Readouts as combinations of outputs: the identity for single-ended ones, [[1, −1]] for one difference.
    values : (M, R) array
        Targets of the training examples: volts, or one-hot classes.
    """

    readout: Array
    values: Array


class Loss(ABC):
    """A loss C as a function of the output voltages of one example.

    `Options` declares the loss's own keys, which are written next to `loss:` in the `learning` section. `targets` is
    the kind of target that the loss uses.
    """

    Options: ClassVar[type[Section]] = NoOptions
    targets: ClassVar[Targets]

    @classmethod
    @abstractmethod
    def build(cls, options: Any, targets: TrainingTargets) -> Self:
        """Build the loss for the targets of one task; `options` is an instance of `cls.Options`."""

    @property
    @abstractmethod
    def scale(self) -> float:
        """L₀, in the unit of the loss, in Δθ = −rate · s² · ∂(L/L₀)/∂θ; s is the width of the range of conductances."""

    @property
    @abstractmethod
    def error_scale(self) -> float:
        """Typical size of ∂C/∂v_o before training (unit of the loss per volt)."""

    @abstractmethod
    def value(self, outputs: Array, target: Array) -> float:
        """Return the loss C of one example from its outputs (O,) in V and its target (R,) as the task defines it."""

    @abstractmethod
    def gradient(self, outputs: Array, target: Array) -> Array:
        """(O,) ∂C/∂v_o of one example (unit of the loss per volt)."""
