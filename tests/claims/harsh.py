"""Iris on a bench where everything is wrong at once (`harsh`): its own score, the truth's, and what each wrong costs.

The truth is what the solver says of the board as it is after training, offsets of the sources and all. An imperfection
alone is that of `harsh` in place of that of `typical`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import CONFIGS, Figure, error_of_measured_gradient, in_parallel, seeds

from labrig.assembly import assemble
from labrig.runs.journal import Journal
from labrig.simulation.presets import preset

NO_PART = {"diode_temperature"}
"""The board of Iris has no diodes."""


def written(value: Any) -> str:
    """A value of a preset as it is written on the command line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {written(inner)}' for key, inner in value.items())}}}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def alone() -> dict[str, list[str]]:
    """The override that makes each imperfection as bad as in `harsh`, by its key, where `typical` has less of it."""
    harsh, typical = preset("harsh"), preset("typical")
    worse = {key: value for key, value in harsh.items() if value != typical[key] and key not in NO_PART}
    return {key: [f"simulation.{key}={written(value)}"] for key, value in worse.items()}


def scores(overrides: list[str], seed: int) -> tuple[float, float]:
    """Test accuracy of a run: as it measures it, and as it is."""
    assembly = assemble(CONFIGS / "iris.yaml", [*overrides, f"seed={seed}"])
    setup, task = assembly.setup(), assembly.task
    with tempfile.TemporaryDirectory() as folder, setup.rig as rig, Journal(Path(folder) / "run.db") as journal:
        experiment, truth = assembly.experiment(rig, journal), setup.bench.truth
        assert truth is not None
        experiment.run(lambda: False, lambda _: None)
        outputs = np.array([truth.outputs(task.activation[example]) for example in task.test])
        return experiment.metrics["test_accuracy"], task.figures(task.test, outputs)["accuracy"]


def gradient_error(overrides: list[str], seed: int) -> float:
    """Largest relative error of the measured gradient to the exact one of a few examples, at the untrained point."""
    return error_of_measured_gradient("iris.yaml", seed, overrides)


def measure(short: bool) -> list[Figure]:
    chosen = seeds("harsh", 1 if short else 10)
    fewer = ["learning.epochs=4", "learning.evaluate.every=0"] if short else []
    wrong = {"typical": fewer, "harsh": ["simulation.preset=harsh", *fewer]}
    single = {} if short else alone()
    figures = []
    for name, overrides in (wrong | single).items():
        few = chosen[:4] if name in single else chosen
        own, true = np.array(in_parallel(scores, [overrides] * len(few), few)).T
        error = 100 * np.mean(in_parallel(gradient_error, [overrides] * len(chosen), chosen))
        said = f"{own.mean():.3f}, {true.mean():.3f}, {true.min():.3f}, {error:.2g} %"
        claim = f"{name}: own accuracy, true, worst true ({len(few)} seeds), gradient off by"
        figures.append(Figure(claim, said, "stated", True))
    return figures
