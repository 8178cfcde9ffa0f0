"""Goals of a run, which `task.target` may set. A run that misses a goal ends with exit code 7."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import Field, create_model

from labrig.config.section import Section
from labrig.medium import PositiveState
from labrig.quantities import Count


@dataclass(frozen=True)
class Goal:
    """One goal.

    Parameters
    ----------
    key : str
        The goal's key under `task.target`.
    type : annotation
        Type of the value, for pydantic.
    metric : str
        Name of the metric of the last evaluation that is compared with the goal, without its unit.
    at_least : bool
        Whether a larger figure is better.
    """

    key: str
    type: Any
    metric: str
    at_least: bool

    def figure(self, metrics: Mapping[str, float]) -> str:
        """Return the full name of the goal's metric among these metrics, such as `rms_v` for `rms`."""
        names = (name for name in metrics if name == self.metric or name.rpartition("_")[0] == self.metric)
        return next(names, self.metric)

    def missed_by(self, metrics: Mapping[str, float], wanted: float) -> bool:
        """Whether the metrics miss the goal. A missing metric, or NaN, misses it."""
        found = metrics.get(self.figure(metrics), math.nan)
        return not (found >= wanted if self.at_least else found <= wanted)


Fraction = Annotated[float, Field(gt=0, le=1)]
TEST_ACCURACY = Goal("test_accuracy", Fraction, "test_accuracy", at_least=True)
TRAIN_ACCURACY = Goal("train_accuracy", Fraction, "train_accuracy", at_least=True)
RMS = Goal("rms", PositiveState, "rms", at_least=False)
PATTERNS_RIGHT = Goal("patterns_right", Count, "patterns_right", at_least=True)


@cache
def goals_section(goals: tuple[Goal, ...]) -> type[Section]:
    """Return the pydantic model of the section `task.target` for a task with these goals."""
    fields: dict[str, Any] = {goal.key: (goal.type | None, None) for goal in goals}
    return create_model("Target", __base__=Section, **fields)


def goals_judged(
    goals: Sequence[Goal], target: Section | None, metrics: Mapping[str, float]
) -> tuple[list[str], list[str]]:
    """Return a message for each goal that the metrics reach, and for each that they miss."""
    reached: list[str] = []
    missed: list[str] = []
    for goal in goals:
        wanted = getattr(target, goal.key, None)
        if wanted is None:
            continue
        name = goal.figure(metrics)
        found = f"{name} is {metrics.get(name, math.nan):.4g}"
        if goal.missed_by(metrics, wanted):
            missed.append(f"{found}, but the target is {wanted:.4g}")
        else:
            reached.append(f"{found}, and the target is {wanted:.4g}")
    return reached, missed
