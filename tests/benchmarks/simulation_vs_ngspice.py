"""The solver against ngspice: python tests/benchmarks/simulation_vs_ngspice.py [--json] [--short]

Grids with antiparallel 1N4148 on half the nodes and 1N4148 on a fifth of the edges, one thread, the same netlists and
the same times, ngspice at tight tolerance (its start and parsing not counted). Printed are ratios of CPU time,
ngspice / labrig, for 1000 different samples and for 1000 that repeat after 50, and the worst deviation over networks
drawn afresh. The exit code is 0 only if every goal holds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ["OPENBLAS_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from physics.ngspice import NGSPICE, operating_point, waves
from unit.network.networks import conductances, diode_grid

from labrig.network.resistive.graph import Graph
from labrig.network.resistive.solve.solver import Solver

SIDES = (4, 8, 16)
SAMPLES, STEP_S = 1000, 1e-5
TONES = ((3.0, 1000.0), (2.0, 1700.0))
PERIODIC = ((3.0, 2000.0), (2.0, 4000.0))
UNIQUE = 50
LEAST_DISTINCT, LEAST_UNIQUE = 2.0, 10.0
LARGEST_DEVIATION = 1e-8


@dataclass(frozen=True)
class Line:
    """One figure and its goal."""

    name: str
    figure: float
    goal: float
    at_least: bool
    detail: str = ""

    @property
    def holds(self) -> bool:
        """Whether the figure reaches its goal."""
        return self.figure >= self.goal if self.at_least else self.figure <= self.goal

    def __str__(self) -> str:
        """One line of text."""
        sign, verdict = "≥" if self.at_least else "≤", "holds" if self.holds else "FAILS"
        return f"{self.name:<44} {self.figure:9.3g}  goal {sign} {self.goal:g}  {verdict}  {self.detail}"


def played(tones: tuple[tuple[float, float], ...], times: np.ndarray) -> np.ndarray:
    """(T, S) source voltages."""
    return np.stack([amplitude * np.sin(2 * np.pi * frequency * times) for amplitude, frequency in tones], axis=1)


def solver_of(graph: Graph, siemens: np.ndarray) -> Solver:
    """A solver at these conductances."""
    solver = Solver(graph)
    solver.set_parameters(siemens)
    return solver


def best(run, repeats: int) -> float:
    """Smallest CPU time (s)."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        run()
        times.append(time.process_time() - began)
    return min(times)


def speed(side: int, repeats: int, folder: Path) -> list[Line]:
    """Both ratios of one grid, and the deviation over its waveform."""
    graph = diode_grid(side, side)
    siemens = conductances(graph, side)
    runs = [waves(graph, siemens, TONES, SAMPLES, STEP_S, folder) for _ in range(repeats)]
    times, expected, _ = runs[0]
    ngspice_s = min(took for *_, took in runs)
    sources = played(TONES, times)
    v = solver_of(graph, siemens).states(sources)  # compiles, if that was not done before
    deviation = float(np.abs(v - expected).max() / np.abs(sources).max())
    distinct_s = best(lambda: solver_of(graph, siemens).states(sources), 3 * repeats)
    ngspice_periodic_s = min(waves(graph, siemens, PERIODIC, SAMPLES, STEP_S, folder)[2] for _ in range(repeats))
    period = played(PERIODIC, STEP_S * np.arange(UNIQUE))
    unique_s = best(lambda: np.tile(solver_of(graph, siemens).states(period), (SAMPLES // UNIQUE, 1)), 3 * repeats)
    nodes = side * side
    return [
        Line(
            f"N = {nodes}, {len(times)} different samples",
            ngspice_s / distinct_s,
            LEAST_DISTINCT,
            True,
            f"{1e3 * ngspice_s:.1f} ms / {1e3 * distinct_s:.1f} ms",
        ),
        Line(
            f"N = {nodes}, {UNIQUE} unique samples of {SAMPLES}",
            ngspice_periodic_s / unique_s,
            LEAST_UNIQUE,
            True,
            f"{1e3 * ngspice_periodic_s:.1f} ms / {1e3 * unique_s:.1f} ms",
        ),
        Line(f"N = {nodes}, deviation over the waveform", deviation, LARGEST_DEVIATION, False, "of full scale"),
    ]


def deviation(networks: int, folder: Path) -> Line:
    """Worst deviation of operating points over fresh networks."""
    seed = int.from_bytes(os.urandom(4), "little")
    rng = np.random.default_rng(seed)
    worst = 0.0
    for _ in range(networks):
        graph = diode_grid(int(rng.integers(3, 9)), int(rng.integers(1 << 31)))
        siemens = 10 ** rng.uniform(-6, -3, len(graph.edges))
        source_v = rng.uniform(-5, 5, len(graph.sources))
        expected = operating_point(graph, siemens, source_v, folder)
        off = np.abs(solver_of(graph, siemens).states(source_v) - expected).max() / np.abs(source_v).max()
        worst = max(worst, float(off))
    return Line(f"deviation, {networks} fresh networks", worst, LARGEST_DEVIATION, False, f"of full scale, seed {seed}")


def main() -> int:
    """Print every figure; the exit code."""
    parser = argparse.ArgumentParser(description="The solver against ngspice.")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines of text")
    parser.add_argument("--short", action="store_true", help="fewer repeats and networks")
    arguments = parser.parse_args()
    if NGSPICE is None:
        print("ngspice is not installed", file=sys.stderr)
        return 2
    repeats = 1 if arguments.short else 5
    with TemporaryDirectory() as name:
        folder = Path(name)
        found = [line for side in SIDES for line in speed(side, repeats, folder)]
        found.append(deviation(20 if arguments.short else 200, folder))
    if arguments.json:
        print(json.dumps([{**asdict(line), "holds": line.holds} for line in found]))
    else:
        print(*found, sep="\n")
    return 0 if all(line.holds for line in found) else 1


if __name__ == "__main__":
    sys.exit(main())
