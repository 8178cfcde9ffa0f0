"""Iris behind a hidden layer: the error propagates. Controls: interior edges frozen, and sent uphill."""

from __future__ import annotations

import numpy as np
from common import Figure, at_least, at_most, in_parallel, seeds, train


def _accuracy(seed: int, interior: float, overrides: tuple[str, ...]) -> float:
    return train("iris_hidden.yaml", seed, overrides, interior=interior)["test_accuracy"]


def measure(short: bool) -> list[Figure]:
    chosen = seeds("iris_hidden", 1 if short else 20)
    weights = (1.0, -1.0) if short else (1.0, -1.0, 0.0)  # frozen, one seed alone need not fall
    trained = [(seed, weight) for weight in weights for seed in chosen]
    fewer = ("learning.epochs=20",) if short else ()
    accuracies = np.array(in_parallel(_accuracy, *zip(*trained, strict=True), [fewer] * len(trained)))
    of = np.array([weight for _, weight in trained])
    whole, flipped = (float(accuracies[of == weight].mean()) for weight in (1.0, -1.0))
    figures = [
        at_least(f"mean test accuracy, {len(chosen)} seeds, typical", whole, 0.85 if short else 0.95),
        at_most("interior gradient with the wrong sign: it falls", flipped, 0.8 if short else 0.6, ".4f"),
    ]
    if not short:
        frozen = float(accuracies[of == 0.0].mean())
        figures.append(Figure("interior edges frozen: it falls", f"{frozen:.4f}", "below the first", frozen < whole))
    return figures
