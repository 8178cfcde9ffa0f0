"""Iris behind a hidden layer: the error propagates. Controls: interior edges frozen, and sent uphill."""

from __future__ import annotations

import numpy as np
from common import Figure, at_least, at_most, in_parallel, seeds, train


def _accuracy(seed: int, interior: float, overrides: tuple[str, ...]) -> float:
    return train("iris_hidden.yaml", seed, overrides, interior=interior)["test_accuracy"]


def measure(short: bool) -> list[Figure]:
    chosen = seeds("iris_hidden", 2 if short else 20)
    controls = chosen[:1] if short else chosen
    trained = [*((seed, 1.0) for seed in chosen), *((seed, weight) for weight in (0.0, -1.0) for seed in controls)]
    fewer = ("learning.epochs=20",) if short else ()
    accuracies = in_parallel(_accuracy, *zip(*trained, strict=True), [fewer] * len(trained))
    means = [accuracies[: len(chosen)], *np.split(np.array(accuracies[len(chosen) :]), 2)]
    whole, frozen, flipped = (float(np.mean(each)) for each in means)
    falls = Figure("interior edges frozen: it falls", f"{frozen:.4f}", "below the first", frozen < whole)
    if short:  # a seed alone may not fall
        falls = Figure("interior edges frozen", f"{frozen:.4f}", "as it is", True)
    return [
        at_least(f"mean test accuracy, {len(chosen)} seeds, typical", whole, 0.85 if short else 0.95),
        falls,
        at_most("interior gradient with the wrong sign: it falls", flipped, 0.6, ".4f"),
    ]
