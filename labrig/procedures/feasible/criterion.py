"""When a task counts as solved: the goals of the configuration, else the task's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from labrig.assembly import Assembly
from labrig.learning.tasks.goals import RMS, Goal
from labrig.quantities import format_quantity

LOSS_SHARE = 0.01
"""Largest loss, relative to its scale, at which a task without a criterion of its own counts as solved."""


@dataclass(frozen=True)
class Criterion:
    """A bound on one metric.

    Parameters
    ----------
    metric : str
        Name of the metric.
    bound : float
    at_least : bool
        Whether the metric must be at least (True) or at most (False) the bound.
    configured : bool
        Whether the criterion comes from `task.target`.
    dimension : str
        Dimension of the bound, such as "voltage"; empty if it has no unit.
    """

    metric: str
    bound: float
    at_least: bool
    configured: bool
    dimension: str = ""

    def holds(self, metrics: Mapping[str, float]) -> bool:
        """Return whether the metrics meet the criterion."""
        return not Goal(self.metric, float, self.metric, self.at_least).missed_by(metrics, self.bound)

    def __str__(self) -> str:
        bound = format_quantity(self.bound, self.dimension) if self.dimension else f"{self.bound:.4g}"
        return f"{self.metric} {'≥' if self.at_least else '≤'} {bound}"


def criteria(assembly: Assembly) -> list[Criterion]:
    """Return the criteria by which the task counts as solved."""
    choice, state = assembly.choice, assembly.network.physics.medium.state
    asked = {goal.key: getattr(choice.target, goal.key, None) for goal in choice.task.goals}
    configured = any(value is not None for value in asked.values())
    wanted = asked if configured else assembly.task.solved()
    found = [
        Criterion(goal.metric, float(value), goal.at_least, configured, state if goal == RMS else "")
        for goal in choice.task.goals
        if (value := wanted.get(goal.key)) is not None
    ]
    return found or [Criterion("loss", LOSS_SHARE * assembly.loss.scale, at_least=False, configured=False)]
