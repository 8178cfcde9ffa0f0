"""Goals of a run: what `task.target` may ask for. A goal that is missed ends the run with exit code 7."""

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
        Under `task.target`.
    type : annotation
        Type of its value, for pydantic.
    metric : str
        The figure of the last evaluation it is held against; of one with a unit the name without it.
    at_least : bool
        Whether a larger figure is better.
    """

    key: str
    type: Any
    metric: str
    at_least: bool

    def figure(self, metrics: Mapping[str, float]) -> str:
        """Return the name of its figure among the metrics: `rms_v` for `rms`."""
        names = (name for name in metrics if name == self.metric or name.rpartition("_")[0] == self.metric)
        return next(names, self.metric)

    def missed_by(self, metrics: Mapping[str, float], wanted: float) -> bool:
        """Whether the metrics do not reach it; a metric that is missing or NaN does not."""
        found = metrics.get(self.figure(metrics), math.nan)
        return not (found >= wanted if self.at_least else found <= wanted)


Fraction = Annotated[float, Field(gt=0, le=1)]
TEST_ACCURACY = Goal("test_accuracy", Fraction, "test_accuracy", at_least=True)
TRAIN_ACCURACY = Goal("train_accuracy", Fraction, "train_accuracy", at_least=True)
RMS = Goal("rms", PositiveState, "rms", at_least=False)
PATTERNS_RIGHT = Goal("patterns_right", Count, "patterns_right", at_least=True)


@cache
def goals_section(goals: tuple[Goal, ...]) -> type[Section]:
    """The section `task.target` for a task with these goals."""
    fields: dict[str, Any] = {goal.key: (goal.type | None, None) for goal in goals}
    return create_model("Target", __base__=Section, **fields)


def goals_missed(goals: Sequence[Goal], target: Section | None, metrics: Mapping[str, float]) -> list[str]:
    """Goals that the metrics do not reach, in words."""
    missed: list[str] = []
    for goal in goals:
        wanted = getattr(target, goal.key, None)
        if wanted is not None and goal.missed_by(metrics, wanted):
            name = goal.figure(metrics)
            found = metrics.get(name, math.nan)
            missed.append(f"{name} is {found:.4g}, the target is {wanted:.4g}")
    return missed
