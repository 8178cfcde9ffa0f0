"""The exact gradient of a simulated board, which is not a measurement but a reference for rules that measure.

No other rule has access to the solution inside the simulation: a rig provides it only if its configuration names
this rule.
"""

from __future__ import annotations

from copy import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labrig.errors import ConfigError
from labrig.instruments.contracts import Truth
from labrig.learning.carriers import Carrier
from labrig.learning.gradient import Gradient
from labrig.learning.losses import Loss
from labrig.learning.measurement import Excitation
from labrig.learning.rules.rule import EdgeStates, Example, Measurements, Rule

Array = NDArray[np.float64]

LABEL = "exact gradient of the simulated board, no measurement"
"""Label on every output of a run with this rule."""


class ExactAdjoint(Rule):
    """∂C/∂θ by the adjoint method. The single acquisition is only for the loss in the journal."""

    measures = False

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self._truth: Truth | None = None
        self._tone = False

    def knowing(self, truth: Truth, tone: bool) -> Self:
        """Return a copy of this rule with the truth of a simulated board; `tone` is true for a sine activation."""
        informed = copy(self)
        informed._truth, informed._tone = truth, tone
        return informed

    @override
    def acquisitions(self, edges: int, carrier: type[Carrier]) -> int:
        return 1

    @override
    def gradient(self, example: Example, loss: Loss, carrier: Carrier, edges: EdgeStates) -> Measurements:
        if self._truth is None:
            raise ConfigError("exact_adjoint needs a simulated board", remedy="use 'bench: simulated'")
        yield Excitation(example.activation)

        def by_output(outputs: Array) -> Array:
            return loss.gradient(outputs, example.target)

        value = self._truth.gradient(example.activation, by_output, self._tone)
        if not np.any(value):
            return None
        return Gradient(value, np.zeros_like(value), np.zeros_like(value))
