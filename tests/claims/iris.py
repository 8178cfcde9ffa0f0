"""Iris by frequency propagation: test accuracy at the last epoch, beside the exact adjoint on the same boards."""

from __future__ import annotations

import numpy as np
from common import Figure, at_least, at_most, in_parallel, seeds, train


def _measured(seed: int, overrides: tuple[str, ...]) -> float:
    return train("iris.yaml", seed, overrides)["test_accuracy"]


def _exact(seed: int, overrides: tuple[str, ...]) -> float:
    return train("iris.yaml", seed, overrides, adjoint=True)["test_accuracy"]


def measure(short: bool) -> list[Figure]:
    chosen = seeds("iris", 2 if short else 20)
    fewer = [("learning.epochs=10",) if short else ()] * len(chosen)
    measured = np.array(in_parallel(_measured, chosen, fewer))
    exact = np.array(in_parallel(_exact, chosen, fewer))
    # Two seeds scatter by 0.02: the short form only says that nothing broke.
    goal = 0.9 if short else 0.955
    return [
        at_least(f"mean test accuracy, {len(chosen)} seeds, typical", measured.mean(), goal),
        Figure("the same boards, levels and splits by the exact adjoint", f"{exact.mean():.4f}", "stated", True),
        at_most("distance of the two means", abs(measured.mean() - exact.mean()), 0.04 if short else 0.01, ".4f"),
    ]
