"""Looks for conductances in range that solve a task: L-BFGS-B on the model's exact gradient, from many starts.

A yes is a proof, because the conductances were found. A no is a proof only if an obstacle shows the task impossible;
otherwise it only says how many starts failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from labrig.assembly import Assembly
from labrig.procedures.feasible.criterion import Criterion, criteria
from labrig.procedures.feasible.model import Model
from labrig.procedures.feasible.obstacles import obstacles
from labrig.random_streams import RandomStream

Array = NDArray[np.float64]

STARTS = 20
MOST_ITERATIONS = 300
SAME_LOSS = 0.01
"""Two starts ended alike if the relative difference of their losses is less than this."""
CONFIDENCE = 0.95
_LOOK_EVERY = 5


@dataclass(frozen=True)
class Start:
    """The end of one descent: the mean loss over the training examples, and whether it solves the task."""

    loss: float
    solved: bool


@dataclass(frozen=True)
class Feasibility:
    """Whether conductances that solve the task were found, and how well.

    Parameters
    ----------
    criteria : tuple of Criterion
        The criteria by which the task counts as solved.
    metrics : dict
        Metrics at the best conductances.
    conductances : (E,) array
        The best conductances found (S), before rounding.
    rounded : dict or None
        Metrics with every edge at its nearest level; None for parts without levels.
    starts : tuple of Start
        All starts that were tried. If the task was solved, the last one solved it.
    reasons : tuple of str
        If the task was not solved: why it is impossible, or which limits the best conductances ran into.
    """

    criteria: tuple[Criterion, ...]
    metrics: Mapping[str, float]
    conductances: Array
    rounded: Mapping[str, float] | None
    starts: tuple[Start, ...]
    reasons: tuple[str, ...]

    @property
    def feasible(self) -> bool:
        """Whether conductances that solve the task were found."""
        return self.starts[-1].solved

    @property
    def survives_rounding(self) -> bool:
        """Whether the task is still solved at the nearest levels."""
        return self.rounded is None or all(each.holds(self.rounded) for each in self.criteria)

    @property
    def alike(self) -> int:
        """Number of starts that ended at the lowest loss."""
        lowest = min(start.loss for start in self.starts)
        return sum(start.loss <= lowest * (1 + SAME_LOSS) for start in self.starts)

    @property
    def overlooked(self) -> float:
        """Largest fraction of random starts that may lead to a solution if none did here, at 95 % confidence."""
        return float(1 - (1 - CONFIDENCE) ** (1 / len(self.starts)))

    def to_json(self) -> dict[str, Any]:
        """Return the answer as JSON."""
        return {
            "feasible": self.feasible,
            "criteria": [{**vars(each), "text": str(each)} for each in self.criteria],
            "metrics": dict(self.metrics),
            "rounded": None if self.rounded is None else dict(self.rounded),
            "survives_rounding": self.survives_rounding,
            "starts": len(self.starts),
            "losses": [start.loss for start in self.starts],
            "alike": self.alike,
            "overlooked": None if self.feasible else self.overlooked,
            "reasons": list(self.reasons),
            "conductances": self.conductances.tolist(),
        }


def search(
    assembly: Assembly, starts: int = STARTS, report: Callable[[int, Start], None] = lambda number, start: None
) -> Feasibility:
    """Try starts until one solves the task: the initial conductances of the configuration, then random ones in range.

    Parameters
    ----------
    assembly
        The configuration; no instrument is used.
    starts
        Largest number of starts.
    report
        Called after each start with its number, from 1, and its result.
    """
    assembly.require_training_examples()
    model = Model(assembly)
    wanted = tuple(criteria(assembly))
    tried: list[Start] = []
    best, lowest = _initial(assembly, model, 0), np.inf
    for number in range(starts):
        found, loss, solved = _descend(model, _initial(assembly, model, number), wanted)
        tried.append(Start(loss, solved))
        report(len(tried), tried[-1])
        if solved or loss < lowest:
            best, lowest = found, loss
        if solved:
            break
    rounded = model.rounded(best)
    return Feasibility(
        criteria=wanted,
        metrics=model.scores(best),
        conductances=best,
        rounded=None if rounded is None else model.scores(rounded),
        starts=tuple(tried),
        reasons=() if tried[-1].solved else tuple(obstacles(assembly, model, best, wanted)),
    )


def _initial(assembly: Assembly, model: Model, number: int) -> Array:
    if number == 0:
        return np.clip(assembly.initial, model.low, model.high)
    return RandomStream(assembly.seed, "feasible").at(number).uniform(model.low, model.high)


class _Solved(Exception):
    """Ends L-BFGS-B early, because the task is solved."""


def _descend(model: Model, start: Array, wanted: tuple[Criterion, ...]) -> tuple[Array, float, bool]:
    """Descend from a start; return the conductances (E,), their loss, and whether they solve the task."""
    span, scale = model.high - model.low, model.loss.scale
    last: dict[str, Any] = {}
    taken = 0

    def loss(x: Array) -> tuple[float, Array]:
        value, gradient, _ = model.loss_and_gradient(model.low + np.clip(x, 0, 1) * span, model.task.train)
        return value / scale, gradient * span / scale

    def look(x: Array) -> None:
        nonlocal taken
        taken += 1
        last["x"] = x.copy()
        if taken % _LOOK_EVERY == 0 and all(each.holds(model.scores(model.low + x * span)) for each in wanted):
            raise _Solved

    bounds = [(0.0, 1.0)] * len(start)
    options = {"maxiter": MOST_ITERATIONS, "ftol": 1e-12, "gtol": 1e-9}
    try:
        x = minimize(
            loss, (start - model.low) / span, jac=True, method="L-BFGS-B", bounds=bounds, callback=look, options=options
        ).x
    except _Solved:
        x = last["x"]
    found = model.low + np.clip(x, 0, 1) * span
    value, *_ = model.loss_and_gradient(found, model.task.train)
    return found, value, all(each.holds(model.scores(found)) for each in wanted)
