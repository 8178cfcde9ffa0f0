"""The measured gradient is the gradient: certificates of diode networks, ideal and typical."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from common import CONFIGS, Figure, at_least, at_most, between, error_of_measured_gradient, in_parallel, seeds

WORST_COSINE = {"xor": 0.99, "iris_hidden": 0.98}

UNRESOLVED = 1e-6
"""Largest relative error of a gradient that may be too small to show how it grows with γ."""


def _certificate(name: str, seed: int, preset: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "labrig", "certify", str(CONFIGS / f"{name}.yaml"), "--json"]
    command += ["--seed", str(seed), "--set", f"simulation.preset={preset}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    return json.loads(done.stdout.splitlines()[-1])


def _judge(name: str, seed: int) -> list[Figure]:
    ideal, typical = _certificate(name, seed, "ideal"), _certificate(name, seed, "typical")
    exponent, judged = ideal["gamma_exponent"], typical["edges_judged"]
    cosine = min(ideal["cosine_adjoint"], ideal["cosine_difference"])
    where = f"{name}, seed {seed}"
    return [
        at_least(f"{where}, ideal: worse cosine", cosine, 0.9999, ".7f"),
        at_most(
            f"{where}, ideal: larger relative error",
            max(ideal["relative_error_adjoint"], ideal["relative_error_difference"]),
            1e-3,
        ),
        _grows_as_the_square(f"{where}, ideal: exponent of γ", exponent, ideal["relative_error_adjoint"]),
        at_least(f"{where}, ideal: interior edges judged", ideal["interior_judged"], 1, "d"),
        at_least(f"{where}, typical: cosine to the adjoint", typical["cosine_adjoint"], WORST_COSINE[name]),
        Figure(
            f"{where}, typical: signs right",
            f"{typical['sign_right']} of {judged}",
            "all",
            typical["sign_right"] == judged > 0,
        ),
    ]


def _grows_as_the_square(claim: str, exponent: float | None, error: float) -> Figure:
    """The exponent is 2; a board whose error is as small as rounding may have none."""
    if exponent is None:
        return Figure(claim, "not resolved", f"stated; error {error:.1g}", error <= UNRESOLVED)
    return between(claim, exponent, 1.9, 2.1)


def measure(short: bool) -> list[Figure]:
    names = [name for name in WORST_COSINE for _ in range(1 if short else 5)]
    chosen = [seed for name in WORST_COSINE for seed in seeds(f"certificates {name}", 1 if short else 5)]
    figures = [figure for found in in_parallel(_judge, names, chosen) for figure in found]
    (seed,) = seeds("sine", 1)
    error = error_of_measured_gradient("sine.yaml", seed, ["simulation.preset=ideal"])
    return [*figures, at_most("sine, ideal: relative error to the adjoint", error, 1e-6)]
