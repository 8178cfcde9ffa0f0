"""Handwritten digits on 9,600 edges, trained through measured coefficients: accuracy, and the time it takes."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

from common import CONFIGS, Figure, at_least, at_most, seeds


def _run(seed: int, folder: str, *overrides: str) -> dict[str, Any]:
    """The last line of a run, with the time of the process and its children on all cores (s)."""
    command = [sys.executable, "-m", "labrig", "run", str(CONFIGS / "digits.yaml"), "--json", "--no-plots"]
    command += ["--runs-dir", folder, "--seed", str(seed)]
    command += [part for override in overrides for part in ("--set", override)]
    before = os.times()
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return {**json.loads(done.stdout.splitlines()[-1]), "cpu_s": spent, "whole_s": after.elapsed - before.elapsed}


def measure(short: bool) -> list[Figure]:
    chosen = seeds("digits", 1 if short else 5)
    overrides = ("learning.epochs=1", "task.split={train_per_class: 60, test_per_class: 30}") if short else ()
    with tempfile.TemporaryDirectory() as folder:
        runs = [_run(seed, folder, *overrides) for seed in chosen]
    accuracies = [run["metrics"]["test_accuracy"] for run in runs]
    name = f"digits, {len(chosen)} seeds, " + ("1 epoch of 600 digits" if short else "last epoch")
    return [
        at_least(f"{name}: mean test accuracy", statistics.mean(accuracies), 0.85 if short else 0.95),
        Figure(f"{name}: worst", f"{min(accuracies):.4f}", "stated", True),
        at_most(f"{name}: longest command (s)", max(run["whole_s"] for run in runs), 120.0, ".0f"),
        Figure(f"{name}: processor time of it (s)", f"{max(run['cpu_s'] for run in runs):.0f}", "stated", True),
    ]
