"""XOR on a diode network, one configuration for all seeds."""

from __future__ import annotations

import time

from common import Figure, at_most, in_parallel, seeds, train


def _run(seed: int) -> tuple[bool, float]:
    began = time.perf_counter()
    metrics = train("xor.yaml", seed)
    return metrics["patterns_right"] == 4 and metrics["rms_v"] <= 8e-3, time.perf_counter() - began


def measure(short: bool) -> list[Figure]:
    chosen = seeds("xor", 10 if short else 100)
    results = in_parallel(_run, chosen)
    solved = sum(right for right, _ in results)
    goal = 8 if short else 95
    return [
        Figure(
            "seeds with four patterns right and rms ≤ 8 mV", f"{solved} of {len(chosen)}", f"≥ {goal}", solved >= goal
        ),
        at_most(
            "longest of these trainings (s), all cores busy", max(took for _, took in results), 20.0 if short else 10.0
        ),
    ]
