"""Checks of the user's own task and loss, made before the sources play anything."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.learning.losses import Loss
from labrig.learning.tasks import Task

Array = NDArray[np.float64]

POINTS = 3
"""Number of points at which a loss is tried; a loss may have a kink at one of them."""

STEP = 1e-6
"""Step of the finite differences of the loss, relative to the outputs."""

LARGEST_DIFFERENCE = 0.01
"""Largest difference between the gradient and the slope of the loss that is not reported."""


def task_problem(task: Task) -> str:
    """Return what is inconsistent in the arrays of a task; empty if nothing is."""
    activation, target, readout = (np.asarray(each) for each in (task.activation, task.target, task.readout))
    for name, array, dimensions in (
        ("activation", activation, "(examples, inputs)"),
        ("target", target, "(examples, readouts)"),
        ("readout", readout, "(readouts, outputs)"),
    ):
        if array.ndim != 2:
            return f"{name} has shape {array.shape}, not {dimensions}"
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            return f"{name} contains values that are not finite numbers"
    if len(target) != len(activation):
        return f"target has {len(target)} rows, but activation has {len(activation)}: both need one per example"
    if target.shape[1] != len(readout):
        return f"target has {target.shape[1]} columns, but readout has {len(readout)} rows: both need one per readout"
    for name, indices in (("train", task.train), ("test", task.test)):
        if not _are_indices(indices, len(activation)):
            return f"{name} must be an array of indices of examples, whole numbers from 0 to {len(activation) - 1}"
    return ""


def loss_problem(loss: Loss, task: Task) -> str:
    """Return why the gradient of a loss cannot be injected as an error; empty if it can."""
    outputs = task.readout.shape[1]
    for volts, target in _points(task):
        value, gradient = loss.value(volts, target), np.asarray(loss.gradient(volts, target))
        if np.ndim(value) or not np.isfinite(value):
            return f"its value is {value}, not a finite number"
        if gradient.shape != (outputs,):
            return f"its gradient has shape {gradient.shape}; with {outputs} outputs it must be ({outputs},)"
        if not np.isfinite(gradient).all():
            return "its gradient contains NaN or infinity"
    return ""


def slope_problem(loss: Loss, task: Task) -> str:
    """Return how the gradient of a loss differs from the slope of its value at every point that is tried."""
    found = ""
    for volts, target in _points(task):
        gradient = loss.gradient(volts, target)
        step = STEP * np.abs(volts).max()
        ends = volts + step * np.eye(len(volts)), volts - step * np.eye(len(volts))
        up, down = (np.array([loss.value(each, target) for each in end]) for end in ends)
        slope = (up - down) / (2 * step)
        off = np.abs(gradient - slope)
        if off.max() <= LARGEST_DIFFERENCE * np.abs(slope).max():
            return ""
        worst = int(off.argmax())
        at = ", ".join(f"{each:.3g}" for each in volts)
        found = f"at outputs of {at} it is {gradient[worst]:.4g} for output {worst}, but the value rises by "
        found += f"{slope[worst]:.4g} per unit"
    return found


def _points(task: Task) -> list[tuple[Array, Array]]:
    """Return pairs of outputs, within the span of the drives, and targets of examples."""
    largest = float(np.abs(task.activation).max(initial=0.0)) or 1.0
    rng = np.random.default_rng(0)
    chosen = np.linspace(0, len(task.target) - 1, POINTS).round().astype(int)
    return [(0.3 * largest * rng.uniform(-1, 1, task.readout.shape[1]), task.target[k]) for k in chosen]


def _are_indices(indices: Any, count: int) -> bool:
    """Whether this is an array of indices below `count`."""
    if not isinstance(indices, np.ndarray) or indices.ndim != 1 or indices.dtype.kind not in "iu":
        return False
    found: NDArray[Any] = indices
    return not len(found) or bool(found.min() >= 0 and found.max() < count)
