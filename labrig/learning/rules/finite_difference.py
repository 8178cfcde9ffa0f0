"""Finite differences of the measured loss: one acquisition with each edge set lower, and one with it set higher."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field
from typing_extensions import override

from labrig.config.section import Section
from labrig.learning.carriers import Carrier
from labrig.learning.gradient import Gradient
from labrig.learning.losses import Loss
from labrig.learning.measured_loss import measured_loss, u_of_steps
from labrig.learning.measurement import Excitation
from labrig.learning.neighbours import neighbours, three_point_weights
from labrig.learning.rules.rule import EdgeStates, Example, Measurements, Rule


class FiniteDifference(Rule):
    """The slope of the parabola through the loss at three settings of an edge; no error is injected."""

    class Options(Section):
        """step: relative change of a conductance; at least one level."""

        step: Annotated[float, Field(gt=0, lt=0.5)] = 0.05

    @override
    def acquisitions(self, edges: int, carrier: type[Carrier]) -> int:
        return 1 + 2 * edges

    @override
    def gradient(self, example: Example, loss: Loss, carrier: Carrier, edges: EdgeStates) -> Measurements:
        free = yield Excitation(example.activation)
        if not np.any(loss.gradient(free.outputs, example.target)):
            return None
        here = measured_loss(loss, free, example.target)
        slopes: list[float] = []
        noises: list[float] = []
        for edge, siemens in enumerate(edges.conductances.tolist()):
            pair = neighbours(edges.levels[edge], siemens, self.options.step)
            weights = three_point_weights(*(there - siemens for _, there in pair))
            losses: list[tuple[float, float]] = []
            for setting, _ in pair:
                response = yield Excitation(example.activation, trial={edge: setting})
                losses.append(measured_loss(loss, response, example.target))
            read = losses[0], here, losses[1]
            slopes.append(float(np.dot(weights, [value for value, _ in read])))
            noises.append(float(np.linalg.norm(np.multiply(weights, [u for _, u in read]))))
        value = np.array(slopes)
        return Gradient(value, np.array(noises), u_of_steps(value, edges.levels, self.options.step))
