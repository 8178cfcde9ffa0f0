"""Where a training step's wall time goes: python tests/benchmarks/step.py [CONFIG] [--steps N] [--short]

Methods are wrapped with timers, so every figure carries some overhead; read the shares.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from labrig.assembly import assemble
from labrig.learning.updates.gradient_descent import GradientDescent
from labrig.lockin.demodulator import Demodulator
from labrig.rig.limits import DriveLimits, Limits
from labrig.rig.rig import Rig
from labrig.runs.journal import Journal
from labrig.simulation.faces import SimulatedDigitizer, SimulatedProgrammer, SimulatedSource
from labrig.simulation.world import World

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
PARTS: list[tuple[str, type, tuple[str, ...]]] = [
    ("world: node voltages (solve, tile)", World, ("voltages",)),
    ("digitizer: front end, noise, codes, without the world", SimulatedDigitizer, ("read",)),
    ("sources: load, start", SimulatedSource, ("load", "start")),
    ("lock-in: samples to coefficients", Demodulator, ("feed", "result")),
    ("limits of samples", Limits, ("check_window",)),
    ("limits of drives", DriveLimits, ("check",)),
    ("update: shadow to levels", GradientDescent, ("apply",)),
    ("programmer", SimulatedProgrammer, ("program",)),
    ("journal: one row", Journal, ("append",)),
    ("rig: the rest of measure and program", Rig, ("measure", "program")),
]


class Stopwatch:
    """Own time of each part: what runs inside another part counts only there."""

    def __init__(self) -> None:
        self.own: dict[str, float] = defaultdict(float)
        self._inside: list[float] = []

    def wrap(self, owner: type, method: str, part: str) -> None:
        original: Callable[..., Any] = getattr(owner, method)

        def timed(*arguments: Any, **named: Any) -> Any:
            self._inside.append(0.0)
            began = time.perf_counter()
            try:
                return original(*arguments, **named)
            finally:
                took = time.perf_counter() - began
                self.own[part] += took - self._inside.pop()
                if self._inside:
                    self._inside[-1] += took

        setattr(owner, method, timed)


def main() -> None:
    parser = argparse.ArgumentParser(description="Where a training step's wall time goes.")
    parser.add_argument("config", nargs="?", default="iris.yaml")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--short", action="store_true", help="a hundred steps")
    arguments = parser.parse_args()
    steps = 100 if arguments.short else arguments.steps
    watch = Stopwatch()
    for part, owner, methods in PARTS:
        for method in methods:
            watch.wrap(owner, method, part)
    assembly = assemble(CONFIGS / arguments.config)
    batch = assembly.schedule.batch
    with (
        tempfile.TemporaryDirectory() as folder,
        assembly.open_rig() as rig,
        Journal(Path(folder) / "run.db") as journal,
    ):
        experiment = assembly.experiment(rig, journal)
        rig.program(experiment.update.settings())
        watch.own.clear()
        acquired = rig.acquisitions
        began = time.perf_counter()
        for step in range(steps):
            first = step * batch % len(assembly.task.train)
            experiment.step(0, assembly.task.train[first : first + batch])
        total = time.perf_counter() - began
        acquired = rig.acquisitions - acquired
    per_step, per_acquisition = 1e3 * total / steps, 1e3 * total / acquired
    print(f"{arguments.config}: {steps} steps, {per_step:.2f} ms a step, {per_acquisition:.2f} ms an acquisition")
    rows = sorted(watch.own.items(), key=lambda row: -row[1])
    rows.append(("everything else (rule, loss, loop)", total - sum(watch.own.values())))
    for part, own in rows:
        print(f"  {part:<56} {1e6 * own / steps:8.0f} µs  {100 * own / total:5.1f} %")


if __name__ == "__main__":
    main()
