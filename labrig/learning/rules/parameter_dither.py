"""Parameter dither: all edges are modulated at once in orthogonal patterns, and the loss is correlated with each.

Programmers cannot modulate an edge at a tone, so the pattern of an edge is a column of a Hadamard matrix, with one
entry per acquisition: + means a setting above the present one, − a setting below. The same patterns are then repeated
with all signs reversed, so that products of two edges cancel. Source of the idea: A. Dembo and T. Kailath, IEEE Trans.
Neural Networks 1, 58 (1990).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import override

from labrig.config.section import Section
from labrig.learning.carriers import Carrier
from labrig.learning.gradient import Gradient
from labrig.learning.losses import Loss
from labrig.learning.measured_loss import measured_loss, u_of_steps
from labrig.learning.measurement import Excitation
from labrig.learning.neighbours import neighbours
from labrig.learning.rules.rule import EdgeStates, Example, Measurements, Rule


class ParameterDither(Rule):
    """Homodyne detection of the loss at the pattern of every edge; no error is injected."""

    class Options(Section):
        """step: relative change of a conductance; at least one level."""

        step: Annotated[float, Field(gt=0, lt=0.5)] = 0.02

    @override
    def acquisitions(self, edges: int, carrier: type[Carrier]) -> int:
        return 1 + 2 * len(patterns(edges))

    @override
    def gradient(self, example: Example, loss: Loss, carrier: Carrier, edges: EdgeStates) -> Measurements:
        free = yield Excitation(example.activation)
        if not np.any(loss.gradient(free.outputs, example.target)):
            return None
        here = edges.conductances
        pairs = [neighbours(edges.levels[k], float(here[k]), self.options.step) for k in range(len(here))]
        half_widths = np.array([(above[1] - below[1]) / 2 for below, above in pairs])
        signs = patterns(len(here))
        signs = np.concatenate((signs, -signs))
        values, variances = np.zeros(len(signs)), np.zeros(len(signs))
        for number, pattern in enumerate(signs):
            trial = {edge: pair[int(sign > 0)][0] for edge, (pair, sign) in enumerate(zip(pairs, pattern, strict=True))}
            response = yield Excitation(example.activation, trial=trial)
            values[number], u = measured_loss(loss, response, example.target)
            variances[number] = u**2
        value = values @ signs / len(signs) / half_widths
        noise = np.sqrt(variances.sum()) / len(signs) / half_widths
        # Products of three edges do not cancel: they add about this error to every edge, whatever its own slope is.
        left = self.options.step**2 * np.linalg.norm(value * half_widths) / np.abs(half_widths)
        return Gradient(value, noise, np.hypot(u_of_steps(value, edges.levels, self.options.step), left))


def patterns(edges: int) -> NDArray[np.float64]:
    """(T, E) signs ±1: orthogonal columns with equally many of each sign; T is the smallest power of 2 above E."""
    signs = np.ones((1, 1))
    while len(signs) <= edges:  # J. J. Sylvester's construction of a Hadamard matrix
        signs = np.block([[signs, signs], [signs, -signs]])
    return signs[:, 1 : edges + 1]
