"""Iris over the wire: real drivers and client libraries, every byte, in real time."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from common import CONFIGS, Figure, at_least, at_most, seeds


def _run(seed: int, folder: str, *overrides: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "labrig", "run", str(CONFIGS / "iris_wire.yaml"), "--bench", "wire", "--json"]
    command += ["--no-plots", "--runs-dir", folder, "--seed", str(seed)]
    command += [part for override in overrides for part in ("--set", override)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    finished = json.loads(done.stdout.splitlines()[-1])
    if "metrics" not in finished:
        raise RuntimeError(f"the run with seed {seed} ended early: {done.stdout.splitlines()[-1]}\n{done.stderr}")
    return finished


def measure(short: bool) -> list[Figure]:
    chosen = seeds("iris_wire", 1 if short else 5)
    epochs = 3 if short else 20
    with tempfile.TemporaryDirectory() as folder:
        runs = [_run(seed, folder, f"learning.epochs={epochs}") for seed in chosen]
    accuracy = statistics.mean(run["metrics"]["test_accuracy"] for run in runs)
    goal = 0.75 if short else 0.95
    return [
        at_least(f"iris_wire, mean test accuracy, {len(chosen)} seeds, {epochs} epochs", accuracy, goal),
        at_most("longest of these runs (s)", max(run["wall_s"] for run in runs), 240.0, ".0f"),
    ]
