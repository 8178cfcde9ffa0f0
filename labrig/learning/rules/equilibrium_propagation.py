"""Equilibrium propagation: compare two equilibria edge by edge, one of them nudged by a constant error current.

∂C/∂θ = lim ½(u_β² − u_0²) / β for nudging currents −β ∂C/∂v_o, where ∂C/∂v_o is taken in the free state. The bias of
the one-sided estimate is of order β, that of the centred estimate (β and −β) of order β². The largest nudging current
is the configured error current.
Sources: B. Scellier and Y. Bengio, Front. Comput. Neurosci. 11:24 (2017); centred: A. Laborieux et al., Front.
Neurosci. 15:633674 (2021).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from typing_extensions import override

from labrig.config.section import Section
from labrig.learning.carriers import Carrier
from labrig.learning.contrast import contrast
from labrig.learning.losses import Loss
from labrig.learning.measurement import Excitation
from labrig.learning.rules.frequency_propagation import check_misfit, combination, injected_per_error
from labrig.learning.rules.rule import EdgeStates, Example, Measurements, Rule
from labrig.learning.source_errors import source_errors


class EquilibriumPropagation(Rule):
    """Measure the free state, then the state nudged towards the target and, if centred, the one nudged away from it."""

    estimand = "the contrast of two equilibria, which tends to the gradient as β → 0"

    class Options(Section):
        """nudge: two nudged states (`centred`) or one (`one_sided`)."""

        nudge: Literal["centred", "one_sided"] = "centred"

    @override
    def acquisitions(self, edges: int, carrier: type[Carrier]) -> int:
        return 3 if self.options.nudge == "centred" else 2

    @classmethod
    @override
    def objection(cls, carrier: type[Carrier], activation: str) -> str | None:
        if carrier.quantity:
            return "nudges the outputs themselves; use 'error: {carrier: shared_tone}'"
        return None if activation == "dc" else "compares DC levels; write 'learning.activation: dc'"

    @override
    def gradient(self, example: Example, loss: Loss, carrier: Carrier, edges: EdgeStates) -> Measurements:
        free = yield Excitation(example.activation)
        e = loss.gradient(free.outputs, example.target)
        if not np.any(e):
            return None
        currents = carrier.error_currents(e)
        asked = Excitation(example.activation, constant=currents)
        nudged = yield asked
        base = free
        if self.options.nudge == "centred":
            base = yield replace(asked, constant=-currents)
        apart = nudged.constant - base.constant
        check_misfit(apart[np.newaxis], e, carrier.floor)
        (weight,) = combination(apart[np.newaxis], -e)
        found = contrast(base, nudged, float(weight))
        u_apart = nudged.u_constant(apart)
        read = (found.value / weight)[np.newaxis]
        sources = source_errors(read, base.slope[0], apart[np.newaxis], u_apart, e)
        return replace(found, gamma=injected_per_error(asked, e), sources=sources)
