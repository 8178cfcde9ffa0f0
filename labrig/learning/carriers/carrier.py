"""The contract of a carrier, which makes the error distinguishable from the activation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labrig.config.section import NoOptions, Section
from labrig.learning.measurement import Excitation

Array = NDArray[np.float64]


class Carrier(ABC):
    """Injects an error into the outputs.

    A rule need not know the method: it solves Σ_k w_k · error_k = −∂C/∂v_o for the weights w_k of the errors as played.

    Parameters
    ----------
    options : instance of `cls.Options`
        The carrier's own keys, written next to `carrier:` in `learning.error`.
    current_a : float
        Norton current of the largest error (A).
    floor : float
        A loss gradient smaller than this value (unit of ∂C/∂v_o) is injected at a proportionally smaller current.
    outputs : int
        O, the number of outputs.

    Attributes
    ----------
    error_first : bool
        Whether the error must be known before it is played. If not, one acquisition measures activation and responses
        together, and the error weights the responses afterwards.
    sidebands : bool
        Whether the carrier's two tones are planned at ω₁ − Ω and ω₁ + Ω around the tone ω₁ of the activation, which
        must be a sine.
    quantity : bool
        Whether the error is a constant level of a second physical quantity instead of a tone.
    flow_key : str
        The key under `learning.error` that gives the size of that level.
    """

    Options: ClassVar[type[Section]] = NoOptions
    error_first: ClassVar[bool] = True
    sidebands: ClassVar[bool] = False
    quantity: ClassVar[bool] = False
    flow_key: ClassVar[str] = ""

    def __init__(self, options: Any, current_a: float, floor: float, outputs: int) -> None:
        self.options = options
        self.current_a = current_a
        self.floor = floor
        self.outputs = outputs

    @staticmethod
    @abstractmethod
    def tones(options: Any, outputs: int) -> int:
        """Return K, the number of error tones needed for this number of outputs; `options` as in the constructor."""

    @abstractmethod
    def excitation(self, activation: Array, loss_gradient: Array) -> Excitation:
        """The excitation for an activation (I,) in V and a loss gradient ∂C/∂v_o (O,).

        If `error_first` is false, the excitation does not depend on the loss gradient, which may be zeros.
        """

    def error_currents(self, loss_gradient: Array) -> Array:
        """(O,) currents −γ ∂C/∂v_o (A). None exceeds the configured current, not even by a rounding error.

        Otherwise a configured current exactly at a limit of a source or of the board would be refused.
        """
        gamma = self.current_a / max(float(np.abs(loss_gradient).max()), self.floor)
        return np.clip(-gamma * loss_gradient, -self.current_a, self.current_a)

    def at_current(self, current_a: float) -> Carrier:
        """The same carrier with another current (A) and without a floor."""
        return type(self)(self.options, current_a, 0.0, self.outputs)
