"""Measures gradients with a rig: runs a learning rule, and measures its excitations on the board."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from labrig.learning.carriers import Carrier
from labrig.learning.gradient import Gradient
from labrig.learning.losses import Loss
from labrig.learning.measurement import Excitation, Response
from labrig.learning.rules import EdgeStates, Example, Measurements, Rule, conduct
from labrig.learning.tasks import Task
from labrig.rig.rig import Rig


@dataclass(frozen=True)
class ExampleGradient:
    """Loss of one example, and its gradient; the gradient is None if the error was zero."""

    loss: float
    gradient: Gradient | None


@dataclass(frozen=True)
class GradientProbe:
    """Measures the gradient of one example.

    Parameters
    ----------
    rig : Rig
        An open rig.
    task, loss, rule, carrier
        The task to learn, and the method.
    edges : EdgeStates
        The present settings of the edges; usually the update itself.
    watcher : callable
        Called with every excitation that is played for a gradient, and its response.
    """

    rig: Rig
    task: Task
    loss: Loss
    rule: Rule
    carrier: Carrier
    edges: EdgeStates
    watcher: Callable[[Excitation, Response], None] = field(default=lambda excitation, response: None, kw_only=True)

    @property
    def acquisitions(self) -> int:
        """Acquisitions per example; an example with zero error takes fewer."""
        hookup = self.rig.hookup
        return self.rule.acquisitions_of(len(hookup.edges), len(hookup.outputs), type(self.carrier))

    def measure_free(self, example: int) -> Response:
        """Measure the response to one example's activation, with the error at 0 V."""
        return self.rig.measure(Excitation(self.task.activation[example]))

    def measured_loss(self, example: int) -> float:
        """Loss of one example, from outputs measured with the error at 0 V."""
        return self.loss.value(self.measure_free(example).outputs, self.task.target[example])

    def begin(self, example: int) -> Measurements:
        """Begin the rule's measurements of one example."""
        return self.rule.gradient(
            Example(self.task.activation[example], self.task.target[example]), self.loss, self.carrier, self.edges
        )

    def gradient(self, example: int, following: int | None = None) -> ExampleGradient:
        """Measure the loss and ∂C/∂θ of one example.

        Parameters
        ----------
        example : int
            Index of the example.
        following : int or None
            Index of the next example, if the caller calls `rig.confirm()` before measuring it. Sources are then
            prepared for the next example after the last acquisition of this one.
        """
        loss, taken = math.nan, 0

        def measure(excitation: Excitation) -> Response:
            nonlocal loss, taken
            taken += 1
            last = taken == self.acquisitions and following is not None
            response = self.rig.measure(excitation, following=self._first_of(following) if last else None)
            self.watcher(excitation, response)
            with_outputs = excitation.error is None or not self.carrier.error_first
            if with_outputs and not excitation.trial and math.isnan(loss):
                loss = self.loss.value(response.outputs, self.task.target[example])
            return response

        gradient = conduct(self.begin(example), measure, len(self.rig.edges))
        return ExampleGradient(loss, gradient)

    def at_current(self, current_a: float) -> GradientProbe:
        """Return the same probe with another error current (A), which is also used when the error is small."""
        return replace(self, carrier=self.carrier.at_current(current_a))

    def from_record(self, example: int, answer: Callable[[Excitation], Response]) -> Gradient | None:
        """∂C/∂θ of one example from the responses that `answer` returns, which may be recorded or measured."""
        return conduct(self.begin(example), answer, len(self.rig.edges))

    def _first_of(self, example: int | None) -> Excitation | None:
        """The first excitation of the rule for an example."""
        if example is None:
            return None
        measurements = self.begin(example)
        first = next(measurements, None)
        measurements.close()
        return first
