"""A learning rate at which steps exceed the range of the conductances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labrig.assembly.expected import Expected
from labrig.assembly.recommended import rounded_down

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly
    from labrig.assembly.concerns import Warnings


def rate(assembly: Assembly) -> Warnings:
    """Warn of first steps that would cross the whole range."""
    task, loss, learning = assembly.task, assembly.loss, assembly.learning
    if assembly.learning_choice.rule_class.clamps:
        return  # such a rule does not measure the gradient of the loss
    if learning.activation == "sine" and not assembly.board.network.linear:
        return
    expected = Expected(assembly)
    gradients = []
    for example, point in zip(expected.examples, expected.operating_points(), strict=True):
        pulled = np.zeros_like(point)
        pulled[expected.outputs] = loss.gradient(point[expected.outputs], task.target[example])
        gradients.append(expected.solver.gradient(point, pulled))
    gradient = np.array(gradients)
    steps = learning.rate * assembly.span**2 / loss.scale * np.abs(gradient) / assembly.span
    largest = np.median(steps.max(axis=1))
    if largest > 1:
        yield (
            ("learning", "rate"),
            f"half of the first steps would move an edge by more than its whole range ({largest:.2g} times); "
            f"use at most {rounded_down(learning.rate / float(largest)):g}",
        )
