"""When a task counts as solved: the goals of the configuration, else a figure that is stated with the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from labrig.assembly import Assembly
from labrig.learning.tasks.goals import Goal

RMS_SHARE = 0.1
"""Largest rms distance from the targets, as a share of their own root mean square."""
ACCURACY = 0.9
"""Smallest share of the training examples that are classified right."""
LOSS_SHARE = 0.01
"""Largest loss as a share of its scale, for a task that has neither."""


@dataclass(frozen=True)
class Criterion:
    """What must hold.

    Parameters
    ----------
    metric : str
        The figure.
    bound : float
    at_least : bool
        Whether a larger figure is better.
    configured : bool
        Whether `task.target` asks for it.
    """

    metric: str
    bound: float
    at_least: bool
    configured: bool

    def holds(self, metrics: Mapping[str, float]) -> bool:
        """Return whether figures fulfil it."""
        return not Goal(self.metric, float, self.metric, self.at_least).missed_by(metrics, self.bound)

    def __str__(self) -> str:
        return f"{self.metric} {'≥' if self.at_least else '≤'} {self.bound:.4g}"


def criteria(assembly: Assembly, metrics: Mapping[str, float]) -> list[Criterion]:
    """Return what must hold for a task to count as solved; `metrics` are the figures that it has."""
    choice, task = assembly.choice, assembly.task
    found = [
        Criterion(goal.metric, float(wanted), goal.at_least, configured=True)
        for goal in choice.task.goals
        if (wanted := getattr(choice.target, goal.key, None)) is not None
    ]
    if found:
        return found
    accuracy = next((name for name in ("train_accuracy", "accuracy") if name in metrics), None)
    if accuracy is not None:
        return [Criterion(accuracy, ACCURACY, at_least=True, configured=False)]
    if "rms_v" in metrics:
        own = float(np.sqrt(np.mean(task.target[task.train] ** 2)))
        return [Criterion("rms_v", RMS_SHARE * own, at_least=False, configured=False)]
    return [Criterion("loss", LOSS_SHARE * assembly.loss.scale, at_least=False, configured=False)]
