"""One tone per output against two acquisitions per example: accuracy, gradient, and the time on the bench."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import CONFIGS, Figure, at_least, at_most, in_parallel, seeds, train

from labrig.assembly import assemble

PER_OUTPUT = "learning.error.carrier=tone_per_output"


def _accuracy(config: str, seed: int, overrides: tuple[str, ...]) -> float:
    return train(config, seed, overrides)["test_accuracy"]


def _worst_cosine(config: str, seed: int, overrides: tuple[str, ...]) -> float:
    """Smallest cosine of measured and exact gradient over eight examples at the untrained point."""
    assembly = assemble(CONFIGS / config, [f"seed={seed}", *overrides])
    setup = assembly.setup()
    with setup.rig as rig:
        update = assembly.update(rig)
        rig.program(update.settings())
        probe, cosines = assembly.probe(rig, update), []
        for example in np.resize(assembly.task.train, 8):
            target, loss = assembly.task.target[example], assembly.loss
            measured = probe.gradient(int(example)).gradient
            exact = setup.bench.truth.gradient(
                assembly.task.activation[example], lambda outputs, t=target, f=loss: f.gradient(outputs, t)
            )
            assert measured is not None
            size = np.linalg.norm(measured.value) * np.linalg.norm(exact)
            cosines.append(float(measured.value @ exact / size))
    return min(cosines)


def _on_the_wire(seed: int, folder: str, epochs: int, *overrides: str) -> tuple[float, dict[str, Any]]:
    """Time of the steps of an epoch on the bench (s), and the last line of the run."""
    command = [sys.executable, "-m", "labrig", "run", str(CONFIGS / "iris_wire.yaml"), "--bench", "wire", "--json"]
    command += ["--no-plots", "--runs-dir", folder, "--seed", str(seed), "--set", f"learning.epochs={epochs}"]
    command += [part for override in overrides for part in ("--set", override)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    finished = json.loads(done.stdout.splitlines()[-1])
    with sqlite3.connect(Path(finished["run"]) / "run.db") as journal:
        (spent,) = journal.execute("SELECT SUM(bench_s) FROM steps").fetchone()
    return spent / epochs, finished


def measure(short: bool) -> list[Figure]:
    figures = []
    for config in ("iris.yaml",) if short else ("iris.yaml", "iris_hidden.yaml"):
        chosen = seeds(f"tone_per_output {config}", 2 if short else 20)
        fewer = ("learning.epochs=4",) if short else ()
        two, one = (
            float(np.mean(in_parallel(_accuracy, *zip(*[(config, seed, over) for seed in chosen], strict=True))))
            for over in (fewer, (*fewer, PER_OUTPUT))
        )
        slack = 0.06 if short else 0.01
        figures += [
            Figure(f"{config}, {len(chosen)} seeds, two acquisitions: test accuracy", f"{two:.4f}", "–", True),
            at_least(f"{config}, the same, one acquisition", one, two - slack),
        ]
    for config in ("iris.yaml",) if short else ("iris.yaml", "iris_hidden.yaml", "xor.yaml"):
        (seed,) = seeds(f"tone_per_output {config} cosine", 1)
        cosine = _worst_cosine(config, seed, (PER_OUTPUT, "simulation.preset=ideal"))
        figures.append(at_least(f"{config}, ideal: smallest cosine to the adjoint", cosine, 0.999, ".7f"))
    (seed,) = seeds("tone_per_output wire", 1)
    epochs = 1 if short else 20
    fewer = ("task.split.train_per_class=15", "task.split.test_per_class=10") if short else ()
    with tempfile.TemporaryDirectory() as folder:
        (both, two), (alone, one) = (_on_the_wire(seed, folder, epochs, *over, *fewer) for over in ((), (PER_OUTPUT,)))
    name = f"iris_wire, {epochs} epochs"
    return [
        *figures,
        at_most(f"{name}: bench time per epoch, one over two acquisitions", alone / both, 0.6),
        at_most(f"{name}: acquisitions for training, one over two", one["acquisitions"] / two["acquisitions"], 0.5),
        at_least(
            f"{name}: test accuracy with one",
            one["metrics"]["test_accuracy"],
            two["metrics"]["test_accuracy"] - (0.15 if short else 0.04),
        ),
    ]
