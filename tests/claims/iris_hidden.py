"""Iris behind a hidden layer: the error propagates. Controls: interior edges frozen, and sent uphill."""

from __future__ import annotations

import numpy as np
from common import Figure, at_least, at_most, in_parallel, seeds, train


def _accuracy(seed: int, interior: float) -> float:
    return train("iris_hidden.yaml", seed, interior=interior)["test_accuracy"]


def measure(short: bool) -> list[Figure]:
    chosen = seeds("iris_hidden", 2 if short else 20)
    whole, frozen, flipped = (
        float(np.mean(in_parallel(_accuracy, chosen, [weight] * len(chosen)))) for weight in (1.0, 0.0, -1.0)
    )
    slack = 0.03 if short else 0.0  # two seeds scatter by that much
    return [
        at_least(f"mean test accuracy, {len(chosen)} seeds, typical", whole, 0.9 if short else 0.95),
        Figure("interior edges frozen: it falls", f"{frozen:.4f}", "below the first", frozen < whole + slack),
        at_most("interior gradient with the wrong sign: it falls", flipped, 0.6, ".4f"),
    ]
