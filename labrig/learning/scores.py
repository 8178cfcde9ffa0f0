"""The metrics of a task: the loss and the task's own metrics, for the training set and the test set."""

from __future__ import annotations

import numpy as np

from labrig.learning.losses import Loss
from labrig.learning.measurement import OutputReadings
from labrig.learning.tasks import Task


def scores(task: Task, loss: Loss, readings: OutputReadings) -> dict[str, float]:
    """Return the metrics of measured outputs by name.

    The readings contain all training examples, followed by all test examples. Without training examples there are only
    metrics of the test set.
    """
    count = len(task.train)
    metrics = _figures(task, loss, readings.of(slice(count))) if count else {}
    if not len(task.test):
        return metrics
    plain = {name for name in metrics if name == "loss" or name.startswith("rms_")}
    metrics = {name if name in plain else f"train_{name}": value for name, value in metrics.items()}
    test = _figures(task, loss, readings.of(slice(count, None)))
    return metrics | {f"test_{name}": value for name, value in test.items()}


def _figures(task: Task, loss: Loss, readings: OutputReadings) -> dict[str, float]:
    """Mean loss, and the task's own metrics."""
    examples, outputs = readings.examples, readings.volts
    losses = [loss.value(volts, task.target[k]) for k, volts in zip(examples, outputs, strict=True)]
    return {"loss": float(np.mean(losses)), **task.figures(examples, outputs)}
