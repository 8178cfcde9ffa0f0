"""Springs and tubes: measured gradients against their adjoint, allostery, and Iris by a chemical."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from certificates import _certificate
from common import Figure, at_least, at_most, in_parallel, seeds, train

CONFIGS = ("elastic_allostery", "elastic_large", "flow_chemical_iris")


def _allostery(seed: int) -> float:
    """What is left of the rms distance from the target, by the rig's own measurement."""
    found = train("elastic_allostery.yaml", seed)
    return float(np.sqrt(found["loss"] / found["initial_loss"]))


def _three_targets(seed: int) -> float:
    found = train("studies/elastic_three_targets.yaml", seed)
    return float(np.sqrt(found["loss"] / found["initial_loss"]))


def _iris(config: str, seed: int) -> float:
    return train(config, seed)["test_accuracy"]


def _certified(name: str, seed: int, short: bool) -> list[Figure]:
    ideal = _certificate(name, seed, "ideal")
    error = at_most(f"{name}, ideal: relative error to the adjoint", ideal["relative_error_adjoint"], 1e-4)
    if short:
        return [error]
    typical = _certificate(name, seed, "typical")
    return [
        error,
        at_least(f"{name}, typical: cosine to the adjoint", typical["cosine_adjoint"], 0.99),
    ]


def _variant(name: str, seed: int) -> Figure:
    cosine = _certificate(f"studies/{name}", seed, "ideal")["cosine_adjoint"]
    return Figure(f"{name}, ideal: cosine to the adjoint", f"{cosine:.4f}", "stated", True)


def measure(short: bool) -> Iterator[Figure]:
    count = 1 if short else 10
    chosen = seeds("media", len(CONFIGS))
    for found in in_parallel(_certified, CONFIGS, chosen, [short] * len(CONFIGS)):
        yield from found
    left = in_parallel(_allostery, seeds("allostery", count))
    yield at_most(f"allostery, one target, {count} seeds: worst rms of its initial value", max(left), 1e-3)
    if short:
        return
    yield from in_parallel(_variant, ("flow_radius", "flow_advection"), seeds("variants", 2))
    three = np.array(in_parallel(_three_targets, seeds("three targets", count)))
    reached = int((three <= 1e-2).sum())
    yield Figure("allostery, three targets: rms ≤ 1e-2 of its initial value", f"{reached} of 10", "stated", True)
    for config in ("flow_chemical_iris", "studies/flow_radius", "studies/flow_advection"):
        found = np.array(in_parallel(_iris, [f"{config}.yaml"] * count, seeds(config, count)))
        claim = f"{config}: mean test accuracy over {count} seeds (worst {found.min():.3f})"
        least = at_least(claim, found.mean(), 0.95)
        yield least if config == "flow_chemical_iris" else Figure(claim, least.figure, "stated", True)
