"""Tries one rule on one board: how well it measures the gradient, and how far it trains within a budget."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labrig.assembly import Assembly, assemble
from labrig.assembly.auto import require_numbers
from labrig.errors import LabrigError, UsageError
from labrig.experiment import Experiment
from labrig.instruments.contracts import Truth
from labrig.learning.gradient import mean_gradient
from labrig.learning.measurement import OutputReadings
from labrig.learning.schedule import Schedule
from labrig.learning.scores import scores
from labrig.procedures.compare_rules.named import NamedRule
from labrig.rig.gradient_probe import GradientProbe
from labrig.runs.journal import Evaluation, Journal, Step

Array = NDArray[np.float64]

ROUNDING = 1e-9
"""Relative excess of bench time that is only the rounding error of a sum."""

EXAMPLES = 8
"""Number of examples whose gradients are compared with the exact ones."""


@dataclass(frozen=True)
class Budget:
    """Limits on the training by one rule.

    Parameters
    ----------
    acquisitions : int
    bench_s : float
        Time on the bench's clock (s); infinite for the first rule, whose time then limits the other rules.
    """

    acquisitions: int
    bench_s: float = math.inf


@dataclass(frozen=True)
class Trial:
    """The result of one rule on one board.

    Parameters
    ----------
    rule : str
    seed : int
    failure : str
        Why the trial failed, in which case the figures are missing; empty if it did not fail.
    per_example : int
        Acquisitions per example.
    rate_factor : float
        Factor by which the configured rate was multiplied: 1 for a rule that measures the gradient.
    steps, acquisitions : int
        Steps and acquisitions of the training.
    bench_s : float
        Bench time of the training (s).
    overspent : str
        By how much the budget was exceeded, because a step is never cut short; empty if it was not exceeded.
    limit : str
        The limit that ended the training: "acquisitions" or "bench time".
    cosine_before, cosine_after : float
        Mean cosine of the measured gradients of single examples to the exact ones, before and after training.
    own, true : dict
        Figures of the task as the rig reads them, and their true values.
    curve : tuple of (int, float)
        Acquisitions so far, and the mean measured loss of the steps since the last point.
    """

    rule: str
    seed: int
    failure: str = ""
    per_example: int = 0
    rate_factor: float = 1.0
    steps: int = 0
    acquisitions: int = 0
    bench_s: float = 0.0
    overspent: str = ""
    limit: str = ""
    cosine_before: float = math.nan
    cosine_after: float = math.nan
    own: dict[str, float] | None = None
    true: dict[str, float] | None = None
    curve: tuple[tuple[int, float], ...] = ()


POINTS = 40
"""Number of points of a learning curve."""


def try_rule(config: Path, rule: str, seed: int, overrides: Sequence[str], budget: Budget) -> Trial:
    """Train one board by one rule within a budget; an error of the rule or the rig is part of the result.

    Raises
    ------
    ConfigError
        If the configuration does not fit the rule.
    UsageError
        If the bench is not simulated.
    """
    given = [*overrides, f"seed={seed}", *NamedRule(rule).overrides]
    assembly = assemble(config, given)
    require_numbers(assembly.auto, "a comparison of rules")
    try:
        factor = _rate_factor(assembly)
        if factor != 1.0:
            assembly = assemble(config, [*given, f"learning.rate={assembly.learning.rate * factor!r}"])
        return _trained(assembly, rule, seed, factor, budget)
    except UsageError:
        raise
    except LabrigError as error:
        return Trial(rule, seed, failure=str(error))


def _rate_factor(assembly: Assembly) -> float:
    """Return the factor for the rate of a rule that measures something other than the gradient.

    With this factor its first steps go as far along the gradient as those of other rules.
    """
    if not assembly.learning_choice.rule_class.clamps:
        return 1.0
    setup = assembly.setup()
    truth = _truth(setup.bench.truth)
    with setup.rig as rig:
        update = assembly.update(rig)
        rig.program(update.settings())
        probe = assembly.probe(rig, update)
        examples = assembly.task.train[:EXAMPLES].tolist()
        measured = mean_gradient([probe.gradient(k).gradient for k in examples], len(rig.edges)).value
        exact = np.mean([_exact(probe, truth, k) for k in examples], axis=0)
    return float(f"{abs(exact @ exact / (measured @ exact)):.3g}")


def _trained(assembly: Assembly, rule: str, seed: int, factor: float, budget: Budget) -> Trial:
    setup = assembly.setup()
    truth = _truth(setup.bench.truth)
    task, batch = assembly.task, assembly.learning.batch
    with tempfile.TemporaryDirectory() as folder, setup.rig as rig, Journal(Path(folder) / "run.db") as journal:
        per_example = assembly.learning_choice.acquisitions(len(rig.edges), len(rig.hookup.outputs))
        steps = max(1, budget.acquisitions // (per_example * batch))
        update = assembly.update(rig, steps=steps)
        probe = assembly.probe(rig, update)
        epochs = -(-steps // -(-len(task.train) // batch))
        experiment = Experiment(probe, update, Schedule(epochs, batch, 0), journal, assembly.seed)
        experiment.program()
        before = _cosine(probe, truth)
        experiment.evaluation_acquisitions = rig.acquisitions
        spent, taken, curve = 0.0, 0, _Curve(steps)

        def report(what: Step | Evaluation) -> None:
            nonlocal spent, taken
            if isinstance(what, Step):
                taken, spent = what.index, spent + what.bench_s
                curve.add(what)

        experiment.run(lambda: taken >= steps or spent >= budget.bench_s, report)
        acquisitions = experiment.acquisitions
        evaluation = experiment.evaluate(epochs)
        assert evaluation is not None, "nothing stops it"
        after = _cosine(probe, truth)
        tone = rig.activation == "sine"
        volts = np.array([truth.outputs(x, tone) for x in task.activation])
        every = np.concatenate((task.train, task.test))
        known = np.zeros_like(volts[every])
        return Trial(
            rule=rule,
            seed=seed,
            per_example=per_example,
            rate_factor=factor,
            steps=taken,
            acquisitions=acquisitions,
            bench_s=spent,
            overspent=_overspent(budget, taken, acquisitions, spent),
            limit="acquisitions" if taken >= steps else "bench time",
            cosine_before=before,
            cosine_after=after,
            own=dict(evaluation.metrics),
            true=scores(task, assembly.loss, OutputReadings(every, volts[every], known, known)),
            curve=tuple(curve.points),
        )


def _overspent(budget: Budget, steps: int, acquisitions: int, bench_s: float) -> str:
    """Return by how much a rule exceeded its budget, and why; empty if it did not exceed it."""
    if acquisitions > budget.acquisitions:
        return f"{acquisitions} acquisitions instead of {budget.acquisitions}: a step takes {acquisitions // steps}"
    if steps and bench_s > budget.bench_s * (1 + ROUNDING):
        took = f"{bench_s:.3g} s on the bench instead of {budget.bench_s:.3g} s"
        return f"{took}: a step takes {bench_s / steps:.3g} s and cannot be divided"
    return ""


class _Curve:
    """Collects a learning curve: the mean measured loss of successive groups of steps."""

    def __init__(self, steps: int) -> None:
        self._every = max(1, steps // POINTS)
        self._losses: list[float] = []
        self.points: list[tuple[int, float]] = []

    def add(self, step: Step) -> None:
        if step.loss is not None:
            self._losses.append(step.loss)
        if step.index % self._every == 0 and self._losses:
            self.points.append((step.acquisitions, float(np.mean(self._losses))))
            self._losses = []


def _cosine(probe: GradientProbe, truth: Truth) -> float:
    """Return the mean cosine of measured gradients to the exact ones, over examples with a gradient."""
    found: list[float] = []
    for example in probe.task.train[:EXAMPLES].tolist():
        measured, exact = probe.gradient(example).gradient, _exact(probe, truth, example)
        if measured is not None and np.any(exact) and np.any(measured.value):
            found.append(float(measured.value @ exact / np.linalg.norm(measured.value) / np.linalg.norm(exact)))
    return float(np.mean(found)) if found else math.nan


def _exact(probe: GradientProbe, truth: Truth, example: int) -> Array:
    task, loss = probe.task, probe.loss
    return truth.gradient(
        task.activation[example],
        lambda outputs: loss.gradient(outputs, task.target[example]),
        probe.rig.activation == "sine",
    )


def _truth(truth: Truth | None) -> Truth:
    if truth is None:
        raise UsageError("rules are compared with the exact gradient, which only a simulated bench knows")
    return truth
