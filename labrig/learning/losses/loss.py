"""The contract of a loss, a mean over examples whose gradient is injected as an error current."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from labrig.config.section import NoOptions, Section

Array = NDArray[np.float64]

Targets = Literal["voltages", "classes"]
"""What a target says: the voltage (V) that each readout should have, or a class in one-hot form."""


@dataclass(frozen=True)
class TrainingTargets:
    """What a loss may know of a task.

    Parameters
    ----------
    readout : (R, O) array
        How outputs are read: the identity single-ended, [[1, −1]] as one difference.
    values : (M, R) array
        Targets of the training examples: volts, or one-hot classes.
    """

    readout: Array
    values: Array


class Loss(ABC):
    """A loss C of the output voltages of one example.

    `Options` are its own keys, which are written next to `loss:` in the `learning` section; `targets` is the kind of
    target it compares with.
    """

    Options: ClassVar[type[Section]] = NoOptions
    targets: ClassVar[Targets]

    @classmethod
    @abstractmethod
    def build(cls, options: Any, targets: TrainingTargets) -> Self:
        """The loss of one task; `options` is an instance of `cls.Options`."""

    @property
    @abstractmethod
    def scale(self) -> float:
        """L₀ of the rate's definition, Δθ = −rate · s² · ∂(L/L₀)/∂θ, in the loss's own unit."""

    @property
    @abstractmethod
    def error_scale(self) -> float:
        """Size of ∂C/∂v_o while nothing is learned yet (unit of the loss per volt)."""

    @abstractmethod
    def value(self, outputs: Array, target: Array) -> float:
        """C of one example: `outputs` (O,) in V, `target` (R,) as the task has it."""

    @abstractmethod
    def gradient(self, outputs: Array, target: Array) -> Array:
        """(O,) ∂C/∂v_o of one example (unit of the loss per volt)."""
