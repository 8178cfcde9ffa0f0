"""How the CPU time of an acquisition grows with the board: python tests/benchmarks/scaling.py [--json] [--short]

One BLAS thread, preset `typical`, whole training steps. An acquisition is the mean of the free and the nudged one, as
`Rig.measure` runs it; the update, programming and the journal are reported apart. Each figure is the smallest of
several repeats, and is also given as a ratio to a fixed NumPy workload (drawing and rounding a million normals) timed
between them, because machines have slow phases. The exit code is 0 only if every goal holds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import boards
import numpy as np

from labrig.assembly import Assembly
from labrig.runs.journal import Journal

BOARDS: dict[str, tuple[Callable[[Path], Assembly], float]] = {
    "iris": (lambda folder: boards.shipped("iris"), 0.7),
    "xor": (lambda folder: boards.shipped("xor"), 1.5),
    "64-32-10": (lambda folder: boards.layered(folder, 64, 32, 10), 4.0),
    "130-64-20": (lambda folder: boards.layered(folder, 130, 64, 20), 6.0),
    "grid 20x20": (lambda folder: boards.grid(folder, 20), 10.0),
    "grid 30x30": (lambda folder: boards.grid(folder, 30), 30.0),
}
"""Each with its goal, ms per acquisition."""

GROWTH: dict[str, list[Callable[[Path], Assembly]]] = {
    "layered": [
        lambda folder, sizes=sizes: boards.layered(folder, *sizes)
        for sizes in ((40, 20, 10), (64, 32, 10), (90, 45, 16), (130, 66, 22))
    ],
    "grid": [lambda folder, side=side: boards.grid(folder, side) for side in (23, 33, 50, 71)],
}
"""Boards of about 1,000 to 10,000 edges."""

LARGEST_EXPONENT = 1.1
LARGEST_MEMORY_MB = 200.0
MEMORY_BOARD = "130-64-20"


@dataclass(frozen=True)
class Line:
    """One figure and its goal."""

    name: str
    figure: float
    goal: float | None
    unit: str
    ratio: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the figure reaches its goal; one without a goal is for information."""
        return self.goal is None or self.figure <= self.goal

    def __str__(self) -> str:
        """One line of text."""
        goal = "" if self.goal is None else f"  goal ≤ {self.goal:g}  {'holds' if self.holds else 'FAILS'}"
        ratio = "" if self.ratio is None else f"  {self.ratio:.3f} × reference"
        return f"{self.name:<44} {self.figure:9.3f} {self.unit:<3}{ratio}{goal}"


@dataclass(frozen=True)
class Cost:
    """CPU seconds per acquisition, of the rest of a step, and of the reference workload; E edges."""

    edges: int
    acquisition_s: float
    rest_s: float
    reference_s: float


def reference() -> float:
    """CPU seconds to draw and round a million normals."""
    generator = np.random.Generator(np.random.Philox(1))
    began = time.process_time()
    np.rint(generator.standard_normal(1_000_000) * 1e3)
    return time.process_time() - began


def cost(assembly: Assembly, folder: Path, repeats: int) -> Cost:
    """Train for a few steps and take the smallest times."""
    with assembly.open_rig() as rig, Journal(folder / f"{time.monotonic_ns()}.db") as journal:
        experiment = assembly.experiment(rig, journal)
        rig.program(experiment.update.settings())
        measure, spent = rig.measure, 0.0

        def timed(*arguments, **named):
            nonlocal spent
            began = time.process_time()
            response = measure(*arguments, **named)
            spent += time.process_time() - began
            return response

        rig.measure = timed
        examples, done = assembly.task.train, 0

        def step() -> tuple[float, float]:
            nonlocal spent, done
            spent, acquired = 0.0, rig.acquisitions
            began = time.process_time()
            experiment.step(0, [int(examples[done % len(examples)])])
            total = time.process_time() - began
            done += 1
            return spent / (rig.acquisitions - acquired), total - spent

        for _ in range(3):
            step()
        references, times = [], []
        for _ in range(repeats):
            references.append(reference())
            # Within a repeat a mean, so that a rare cheap step does not count; then the best repeat.
            times.append(np.mean([step() for _ in range(4)], axis=0))
        acquisition_s, rest_s = np.min(times, axis=0)
        return Cost(len(rig.edges), float(acquisition_s), float(rest_s), min(references))


def exponent(costs: list[Cost]) -> float:
    """Slope of log time against log edges."""
    edges, seconds = np.log([c.edges for c in costs]), np.log([c.acquisition_s for c in costs])
    return float(np.polyfit(edges, seconds, 1)[0])


def peak_memory_mb() -> float:
    """Peak memory of a child process that trains the largest layered board."""
    done = subprocess.run(
        [sys.executable, __file__, "--memory"], capture_output=True, text=True, check=True, timeout=600
    )
    return float(done.stdout)


def _report_memory() -> None:
    with TemporaryDirectory() as folder:
        cost(BOARDS[MEMORY_BOARD][0](Path(folder)), Path(folder), 2)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def lines(short: bool) -> list[Line]:
    """Every figure."""
    found: list[Line] = []
    repeats = 3 if short else 12
    with TemporaryDirectory() as name:
        folder = Path(name)
        for board, (build, goal) in BOARDS.items():
            spent = cost(build(folder), folder, repeats if "grid" in board or "-" in board else 5 * repeats)
            ratio = spent.acquisition_s / spent.reference_s
            found.append(Line(f"{board}, acquisition", 1e3 * spent.acquisition_s, goal, "ms", ratio))
            found.append(Line(f"{board}, rest of a step", 1e3 * spent.rest_s, None, "ms"))
        found.append(Line(f"{MEMORY_BOARD}, peak memory", peak_memory_mb(), LARGEST_MEMORY_MB, "MB"))
        for family, builders in GROWTH.items():
            costs = [cost(build(folder), folder, max(2, repeats // 3)) for build in builders]
            span = f"{costs[0].edges} to {costs[-1].edges} edges"
            found.append(Line(f"{family}, exponent from {span}", exponent(costs), LARGEST_EXPONENT, ""))
    return found


def main() -> int:
    """Print every figure; the exit code."""
    parser = argparse.ArgumentParser(description="How the CPU time of an acquisition grows with the board.")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines of text")
    parser.add_argument("--short", action="store_true", help="fewer repeats")
    parser.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory:
        _report_memory()
        return 0
    found = lines(arguments.short)
    if arguments.json:
        print(json.dumps([{**asdict(line), "holds": line.holds} for line in found]))
    else:
        print(*found, sep="\n")
    return 0 if all(line.holds for line in found) else 1


if __name__ == "__main__":
    sys.exit(main())
