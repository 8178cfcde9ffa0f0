"""The contract of a carrier: how the error is told apart from the activation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labrig.config.section import NoOptions, Section
from labrig.learning.measurement import Excitation

Array = NDArray[np.float64]


class Carrier(ABC):
    """Carries an error into the outputs.

    A rule is blind to how this is done: it solves Σ_k w_k · error_k = −∂C/∂v_o for the errors that were played.

    Parameters
    ----------
    options : instance of `cls.Options`
        Its own keys, written next to `carrier:` in `learning.error`.
    current_a : float
        Norton current of the largest error (A).
    floor : float
        A loss gradient smaller than this (unit of ∂C/∂v_o) is injected at a proportionally smaller current.
    outputs : int
        O.

    Attributes
    ----------
    error_first : bool
        Whether the error must be known before it is played. If not, one acquisition reads activation and responses
        together, and the error weights the responses afterwards.
    sidebands : bool
        Whether its two tones are planned at ω₁ − Ω and ω₁ + Ω around the tone ω₁ of the activation, which must be a
        sine.
    quantity : bool
        Whether the error is a constant level of a second physical quantity instead of a tone.
    flow_key : str
        The key under `learning.error` that says how large it is then.
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
        """Return K, how many error tones this carrier needs for this many outputs; `options` as in the constructor."""

    @abstractmethod
    def excitation(self, activation: Array, loss_gradient: Array) -> Excitation:
        """What is played for an activation (I,) in V and an error ∂C/∂v_o (O,).

        A carrier that does not need the error first plays the same for any error, and may be asked with zeros.
        """

    def at_current(self, current_a: float) -> Carrier:
        """The same carrier with another current (A) and without a floor."""
        return type(self)(self.options, current_a, 0.0, self.outputs)
