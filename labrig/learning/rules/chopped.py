"""Chopped DC: the activation is switched on and off, so that zero errors of channels and their drift cancel in `a`.

a = on − off, and likewise for the outputs; b comes from a measurement with activation and error on. The gradient stays
exact for a nonlinear network with DC, because only the steady state with the full activation is used.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labrig.config.section import Section
from labrig.learning.carriers import Carrier
from labrig.learning.contrast import systematic_of_change, systematic_of_moved_outputs
from labrig.learning.losses import Loss
from labrig.learning.measurement import Excitation, Response
from labrig.learning.rules.frequency_propagation import estimate
from labrig.learning.rules.rule import EdgeStates, Example, Measurements, Rule
from labrig.quantities import Count

Array = NDArray[np.float64]


class Chopped(Rule):
    """Measure with the activation on and off, `chops` times, then with the error on as well."""

    subtracts_zeros = True

    class Options(Section):
        """chops: number of times the activation is switched on and off per example."""

        chops: Count = 1

    @override
    def acquisitions(self, edges: int, carrier: type[Carrier]) -> int:
        return 2 * self.options.chops + 1

    @classmethod
    @override
    def objection(cls, carrier: type[Carrier], activation: str) -> str | None:
        return (
            None if activation == "dc" else "chops DC levels; a sine needs no chopping: write 'learning.activation: dc'"
        )

    @override
    def gradient(self, example: Example, loss: Loss, carrier: Carrier, edges: EdgeStates) -> Measurements:
        nothing = np.zeros_like(example.activation)
        pairs: list[tuple[Response, Response]] = []
        for _ in range(self.options.chops):
            on = yield Excitation(example.activation)
            off = yield Excitation(nothing)
            pairs.append((on, off))
        free = chopped(pairs)
        e = loss.gradient(free.outputs, example.target)
        if not np.any(e):
            return None
        asked = carrier.excitation(example.activation, e)
        nudged = yield asked
        return estimate(carrier, asked, free, nudged, e)


def chopped(pairs: list[tuple[Response, Response]]) -> Response:
    """Return the response to the activation alone: the mean of on − off, with its uncertainties."""
    count, (first_on, first_off) = len(pairs), pairs[0]

    def difference(of: str) -> Array:
        return np.mean([getattr(on, of) - getattr(off, of) for on, off in pairs], axis=0)

    def noise(of: str) -> Array:
        return np.sqrt(np.sum([getattr(on, of) ** 2 + getattr(off, of) ** 2 for on, off in pairs], axis=0)) / count

    return replace(
        first_on,
        outputs=difference("outputs"),
        u_outputs=noise("u_outputs"),
        systematic_outputs=systematic_of_moved_outputs(first_off, first_on),
        a=difference("a"),
        u_a=noise("u_a"),
        systematic_a=systematic_of_change(first_off, first_on),
    )
