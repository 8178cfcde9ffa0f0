"""Rate, temperature and error current chosen by `auto`, against the configurations that were tuned by hand."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from common import CONFIGS, Figure, at_least, at_most, in_parallel, seeds

from labrig.assembly import assemble
from labrig.procedures.train import train

COMMON = ("learning.rate=auto", "learning.error.current=auto")
SOFTMAX = (*COMMON, "learning.temperature=auto")

CASES: dict[str, tuple[str, tuple[str, ...], int]] = {
    "iris": ("test_accuracy", SOFTMAX, 6),
    "iris_hidden": ("test_accuracy", SOFTMAX, 6),
    "digits": ("test_accuracy", SOFTMAX, 1),
    "xor": ("patterns_right", COMMON, 8),
    "regression": ("rms_v", COMMON, 6),
}
"""For each configuration its figure, the keys that are `auto`, and the number of seeds."""


def figure(config: str, overrides: tuple[str, ...], metric: str, seed: int) -> float:
    """The figure of one run."""
    with tempfile.TemporaryDirectory() as folder:
        assembly = assemble(CONFIGS / f"{config}.yaml", [*overrides, f"seed={seed}", "learning.evaluate.every=0"])
        metrics = train(assembly, run_dir=Path(folder) / "run", plots=False).metrics
    return next(value for name, value in metrics.items() if name == metric or name == f"test_{metric}")


def measure(short: bool) -> list[Figure]:
    names = ["regression"] if short else list(CASES)
    jobs = [
        (name, given, CASES[name][0], seed)
        for name in names
        for seed in seeds(f"auto {name}", 1 if short else CASES[name][2])
        for given in (CASES[name][1], ())
    ]
    found = dict(zip(jobs, in_parallel(figure, *zip(*jobs, strict=True)), strict=True))
    figures: list[Figure] = []
    for name in names:
        metric, given, _ = CASES[name]
        auto, hand = (
            float(np.mean([value for job, value in found.items() if job[0] == name and job[1] == which]))
            for which in (given, ())
        )
        if metric == "rms_v":
            claim = f"{name}: rms with auto less that of the hand-tuned one, of ± 1 V (by hand {1e3 * hand:.3g} mV)"
            figures.append(at_most(claim, auto - hand, 0.01))
        else:
            whole = 4.0 if metric == "patterns_right" else 1.0
            claim = f"{name}: {metric} with auto less that of the hand-tuned one, relative (by hand {hand:.4g})"
            figures.append(at_least(claim, (auto - hand) / whole, -0.01))
    return figures
