"""The measured gradient is the gradient: certificates of diode networks, ideal and typical."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from common import CONFIGS, Figure, at_least, at_most, error_of_measured_gradient, seeds


def _certificate(config: str, seed: int, *overrides: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "labrig", "certify", str(CONFIGS / config), "--json", "--seed", str(seed)]
    command += [part for override in overrides for part in ("--set", override)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    return json.loads(done.stdout.splitlines()[-1])


def measure(short: bool) -> list[Figure]:
    figures = []
    for config, worst_cosine in (("xor.yaml", 0.99), ("iris_hidden.yaml", 0.98)):
        name = config.removesuffix(".yaml")
        for seed in seeds(f"certificates {name}", 1 if short else 5):
            ideal = _certificate(config, seed, "simulation.preset=ideal")
            cosine = min(ideal["cosine_adjoint"], ideal["cosine_difference"])
            error = max(ideal["relative_error_adjoint"], ideal["relative_error_difference"])
            exponent = ideal["gamma_exponent"]
            typical = _certificate(config, seed)
            signs = f"{typical['sign_right']} of {typical['edges_judged']}"
            figures += [
                at_least(f"{name}, ideal, seed {seed}: worse cosine", cosine, 0.9999, ".8f"),
                at_most(f"{name}, ideal, seed {seed}: larger relative error", error, 1e-3),
                Figure(
                    f"{name}, ideal, seed {seed}: exponent of γ", f"{exponent:.3f}", "1.9 to 2.1", 1.9 <= exponent <= 2.1
                ),
                at_least(f"{name}, ideal, seed {seed}: interior edges judged", ideal["interior_judged"], 1, "d"),
                at_least(f"{name}, typical, seed {seed}: cosine to the adjoint", typical["cosine_adjoint"], worst_cosine),
                Figure(
                    f"{name}, typical, seed {seed}: signs right",
                    signs,
                    "all",
                    typical["sign_right"] == typical["edges_judged"] > 0,
                ),
            ]
    (seed,) = seeds("sine", 1)
    error = error_of_measured_gradient("sine.yaml", seed, ["simulation.preset=ideal"])
    figures.append(at_most("sine, ideal: relative error to the adjoint", error, 1e-6))
    return figures
