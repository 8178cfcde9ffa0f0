"""Every learning rule on the same boards: how well it knows its gradient, whether it trains Iris, and with offsets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from common import CONFIGS, Figure, at_least, between, in_parallel, seeds, train

from labrig.procedures.compare_rules.comparison import compare_rules, condition
from labrig.testing.rules import RuleFigures, examine_rule

PROPAGATION = (
    "frequency_propagation",
    "half_squares",
    "richardson",
    "chopped",
    "equilibrium_propagation",
    "equilibrium_propagation/nudge=one_sided",
    "coupled_learning",
)
"""Rules with a few acquisitions per example."""
SETTINGS = ("finite_difference", "parameter_dither")
"""Rules that change every edge."""

CONTRAST_RATE = 150.0
"""Rate of coupled learning on Iris: what it measures is smaller than the gradient by a conductance."""


def _examined(rule: str, boards: tuple[int, ...], examples: int) -> RuleFigures:
    return examine_rule(rule, boards=boards, examples=examples)


def _accuracy(rule: str, epochs: int, seed: int) -> float:
    name, *options = rule.split("/")
    overrides = [f"learning.rule={name}", f"learning.epochs={epochs}", "limits.step=60 s"]
    overrides += [f"learning.{option}" for option in options]
    if name == "coupled_learning":
        overrides.append(f"learning.rate={CONTRAST_RATE}")
    return train("iris.yaml", seed, overrides)["test_accuracy"]


def _uncertainties(short: bool) -> list[Figure]:
    figures = []
    # Errors of channels are one draw per board and output, so boards count, not examples.
    boards, examples = (8, 2) if short else (60, 15)
    few = (8, 1) if short else (60, 4)
    plan = [*((rule, boards, examples) for rule in PROPAGATION), *((rule, *few) for rule in SETTINGS)]
    chosen = [(rule, tuple(seeds(f"rules {rule}", count)), k) for rule, count, k in plan]
    for found in in_parallel(_examined, *zip(*chosen, strict=True)):
        text = f"{found.rule}: z-rms, against {found.estimand}"
        figures.append(between(text, found.z_rms, *((0.6, 1.6) if short else (0.9, 1.1))))
        figures.append(at_least(f"{found.rule}: smallest cosine to the exact gradient", found.cosine, 0.9))
    return figures


def _iris(short: bool) -> Iterator[Figure]:
    for rule in ("chopped", "coupled_learning") if short else (*PROPAGATION, *SETTINGS):
        epochs = 5 if short or rule in SETTINGS else 20
        chosen = seeds(f"rules iris {rule}", 1 if short else 10)
        found = in_parallel(_accuracy, [rule] * len(chosen), [epochs] * len(chosen), chosen)
        yield at_least(f"{rule}: Iris test accuracy, {epochs} epochs", float(np.mean(found)), 0.85)


def _offset_table(offset: str, noise: str, bits: int, boards: tuple[int, ...], budget: int) -> list[Figure]:
    config = CONFIGS / "regression.yaml"
    rules = ("frequency_propagation", "chopped", "equilibrium_propagation", "coupled_learning")
    found = compare_rules(config, rules, boards, condition(config, (), offset, noise, bits), budget)
    figures = []
    for rule in found.rules:
        floor = rule.figures.get("true_rms_v")
        text = f"{rule.rule}: true rms, offset {offset}, noise {noise}, {bits} bits, {budget} acquisitions"
        failed = f"{len(rule.failures)} of {len(boards)} fail" if rule.failures else ""
        found = ", ".join(filter(None, (f"{1e3 * floor.mean:.3g} mV" if floor else "", failed)))
        # Coupled learning cannot clamp outputs whose steps are larger than what the error current does to them.
        figures.append(Figure(text, found, "stated", not rule.failures or rule.rule == "coupled_learning"))
    return figures


def measure(short: bool) -> Iterator[Figure]:
    yield from _uncertainties(short)
    yield from _iris(short)
    boards = tuple(seeds("rules boards", 1 if short else 5))
    offsets = ("0 V", "10 mV") if short else ("0 V", "100 µV", "1 mV", "10 mV")
    conditions = [(offset, "100 µV", 16) for offset in offsets]
    if not short:
        conditions += [("0 V", "1 mV", 16), ("0 V", "100 µV", 12), ("0 V", "100 µV", 8), ("1 mV", "1 mV", 8)]
    budget = 300 if short else 6000
    for table in in_parallel(
        _offset_table, *zip(*conditions, strict=True), [boards] * len(conditions), [budget] * len(conditions)
    ):
        yield from table
