"""Trains many boards by many rules, and computes the interval of each figure over the seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from labrig.assembly import assemble
from labrig.config.problems import ConfigProblems
from labrig.learning.rules import Rule
from labrig.learning.rules.exact_adjoint import LABEL
from labrig.procedures.compare_rules.named import NamedRule, at_rules
from labrig.procedures.compare_rules.trial import Budget, Trial, try_rule
from labrig.runs.units import figure_unit, is_figure, loss_unit

CONFIDENCE = 0.95
HEADLINES = ("test_accuracy", "train_accuracy", "patterns_right", "rms")
"""Figures that are more telling than the loss, the best first."""


@dataclass(frozen=True)
class Interval:
    """Mean over the seeds, half-width of its 95 % interval (NaN for a single seed), smallest and largest value."""

    mean: float
    half: float
    least: float
    largest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Interval:
        """Return the mean of values and its interval by Student's t distribution."""
        known = np.array([value for value in values if value is not None and math.isfinite(value)])
        if not len(known):
            return cls(math.nan, math.nan, math.nan, math.nan)
        half = math.nan
        if len(known) > 1:
            quantile = stats.t.ppf((1 + CONFIDENCE) / 2, len(known) - 1)
            half = float(quantile * known.std(ddof=1) / math.sqrt(len(known)))
        return cls(float(known.mean()), half, float(known.min()), float(known.max()))


@dataclass(frozen=True)
class RuleResult:
    """One rule over all seeds.

    Parameters
    ----------
    rule : str
    measurement : str
        Label of gradients that were not measured (such as the exact adjoint); empty if they were measured.
    trials : tuple of Trial
    figures : dict
        Interval of every figure by name: cosines, `true_…` and `own_…` figures, steps, bench_s.
    """

    rule: str
    measurement: str
    trials: tuple[Trial, ...]
    figures: dict[str, Interval]

    @property
    def overspent(self) -> list[str]:
        """For each board that exceeded the budget, by how much and why."""
        return [trial.overspent for trial in self.trials if trial.overspent]

    @property
    def failures(self) -> list[str]:
        """The reason of each trial that failed."""
        return [trial.failure for trial in self.trials if trial.failure]


@dataclass(frozen=True)
class RuleComparison:
    """Rules on the same boards with the same budget.

    Parameters
    ----------
    config : str
    overrides : tuple of str
        Keys of the configuration that were overridden, as KEY=VALUE.
    budget : int
        Acquisitions for training.
    seeds : tuple of int
    headline : str
        The most telling figure of this task.
    units : dict
        Units of the loss and of the headline; empty for a figure without a unit.
    rules : tuple of RuleResult
    """

    config: str
    overrides: tuple[str, ...]
    budget: int
    seeds: tuple[int, ...]
    headline: str
    units: dict[str, str]
    rules: tuple[RuleResult, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain values; NaN becomes None."""
        return {
            "config": self.config,
            "overrides": list(self.overrides),
            "budget_acquisitions": self.budget,
            "seeds": list(self.seeds),
            "headline": self.headline,
            "units": self.units,
            "rules": [
                {
                    "rule": each.rule,
                    **({"measurement": each.measurement} if each.measurement else {}),
                    "failures": each.failures,
                    **({"overspent": each.overspent} if each.overspent else {}),
                    "figures": {name: _plain(asdict(value)) for name, value in each.figures.items()},
                    "trials": [_plain(asdict(trial)) for trial in each.trials],
                }
                for each in self.rules
            ],
        }


def condition(config: Path, overrides: Sequence[str], offset: str = "", noise: str = "", bits: int = 0) -> list[str]:
    """Return `overrides`, with overrides for offset, noise and bits of the rig's digitizer added, as KEY=VALUE."""
    found = list(overrides)
    if offset:
        found.append(f"simulation.digitizer_offset={offset}")
    if noise:
        found.append(f"simulation.noise={noise}")
    if bits:
        found.append(f"instruments.{assemble(config, found).board.hookup.digitizer}.bits={bits}")
    return found


def default_budget(config: Path, overrides: Sequence[str]) -> int:
    """Return the number of acquisitions that the configured schedule takes with two acquisitions per example."""
    assembly = assemble(config, overrides)
    assembly.require_training_examples()
    return 2 * max(1, assembly.learning.epochs) * len(assembly.task.train)


def compare_rules(
    config: Path,
    rules: Sequence[str],
    seeds: Sequence[int],
    overrides: Sequence[str] = (),
    budget: int | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> RuleComparison:
    """Train every board by every rule.

    The first rule may spend the budget of acquisitions. The bench time that it takes is a further limit for the other
    rules on the same board, so a rule that writes many settings per step gets fewer steps.

    Parameters
    ----------
    config : Path
    rules : sequence of str
        NAME or NAME/KEY=VALUE/….
    seeds : sequence of int
        One board per seed.
    overrides : sequence of str
        KEY=VALUE.
    budget : int or None
        Acquisitions for training; by default as many as the configured schedule takes at two per example.
    progress : callable
        Called with a line of text after each trial.

    Raises
    ------
    ConfigError
        If the configuration does not fit one of the rules.
    UsageError
        If the bench is not simulated.
    """
    # A rule with many acquisitions per example must not be rejected because its steps take long.
    overrides = [*overrides, "limits.step=3600 s"]
    acquisitions = default_budget(config, overrides) if budget is None else budget
    kinds = [_kind(config, overrides, rules, number) for number in range(len(rules))]
    found: dict[str, list[Trial]] = {rule: [] for rule in rules}
    for trial in _trials(config, rules, seeds, overrides, acquisitions):
        found[trial.rule].append(trial)
        progress(f"seed {trial.seed}, {trial.rule}: {trial.failure or _said(trial)}")
    results = [
        RuleResult(rule, "" if kind.measures else LABEL, tuple(found[rule]), _figures(found[rule]))
        for rule, kind in zip(rules, kinds, strict=True)
    ]
    names = {name.removeprefix("true_") for result in results for name in result.figures if name.startswith("true_")}
    headline, base = _headline(names), assemble(config, overrides)
    loss = loss_unit(base.learning.loss, base.network.physics.medium.unit("state"))
    return RuleComparison(
        config=str(config),
        overrides=tuple(overrides[:-1]),
        budget=acquisitions,
        seeds=tuple(seeds),
        headline=headline,
        units={headline: figure_unit(headline), "loss": loss},
        rules=tuple(results),
    )


def _kind(config: Path, overrides: Sequence[str], rules: Sequence[str], number: int) -> type[Rule]:
    """Return the class of a rule; if it does not fit the configuration, the ConfigProblems are placed in `--rules`."""
    given = NamedRule(rules[number]).overrides
    try:
        return assemble(config, [*overrides, *given]).learning_choice.rule_class
    except ConfigProblems as error:
        raise at_rules(error, rules, number, len(overrides)) from error


def _headline(names: Collection[str]) -> str:
    found = (name for base in HEADLINES for name in sorted(names) if is_figure(name, base))
    return next(found, "loss")


def _trials(
    config: Path, rules: Sequence[str], seeds: Sequence[int], overrides: Sequence[str], acquisitions: int
) -> Iterator[Trial]:
    for seed in seeds:
        budget = Budget(acquisitions)
        for rule in rules:
            trial = try_rule(config, rule, seed, overrides, budget)
            if trial.bench_s and math.isinf(budget.bench_s):
                budget = Budget(acquisitions, trial.bench_s)
            yield trial


def _said(trial: Trial) -> str:
    assert trial.true is not None
    return f"{trial.steps} steps, cosine {trial.cosine_before:.4f}, loss {trial.true['loss']:.3g}"


def _figures(trials: Sequence[Trial]) -> dict[str, Interval]:
    done = [trial for trial in trials if not trial.failure]
    figures = {
        name: Interval.of([getattr(trial, name) for trial in done])
        for name in ("per_example", "rate_factor", "steps", "acquisitions", "bench_s", "cosine_before", "cosine_after")
    }
    for part in ("true", "own"):
        names = dict.fromkeys(name for trial in done for name in getattr(trial, part))
        for name in names:
            figures[f"{part}_{name}"] = Interval.of([getattr(trial, part).get(name, math.nan) for trial in done])
    return figures


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
