"""Long runs: memory, descriptors and the time per step stay as they are.

python tests/crash/soak.py [--steps N] [--bench simulated|wire] [--json]

Of this process, and on the wire of the virtual instruments' process too: the slope of the resident memory per step with
its 95 % interval, descriptors, and the CPU time of a step in the last tenth against the first. A computer is slower at
some times than at others, so steps are measured in units of a fixed computation that is made between them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from labrig.assembly import assemble
from labrig.blas import one_blas_thread
from labrig.procedures.train import train
from labrig.runs.journal import Journal, Step

TESTS = Path(__file__).resolve().parents[1]
NEGLIGIBLE_B = 100.0
"""Growth per step that does not matter: 100 MB in a million steps, eleven hours of 40 ms each."""

CACHE_KB = 200
"""The journal's pages in memory are limited, but would go on growing for thousands of steps. Here the limit is low, so
that it is reached early."""

SLOWER = 0.05
SAMPLES = 400
BLOCKS = 20


@dataclass(frozen=True)
class Bench:
    """A run: configuration, overrides for so many steps, and whether the instruments are in another process.

    settled: steps until pools have their threads and caches are filled, those of gRPC after thousands of calls.
    """

    config: Path
    overrides: Callable[[int], tuple[str, ...]]
    has_child: bool
    settled: int


BENCHES = {
    "simulated": Bench(
        TESTS.parent / "configs" / "iris.yaml", lambda steps: (f"learning.epochs={math.ceil(steps / 90)}",), False, 1000
    ),
    "wire": Bench(
        TESTS / "benchmarks" / "small_wire.yaml",
        lambda steps: (
            f"learning.epochs={steps}",
            "learning.evaluate.every=100",
            "acquisition.window=5 ms",
            "acquisition.settle=1 ms",
            "limits.step=60 s",
        ),
        True,
        1500,
    ),
}


@dataclass
class _Series:
    """What was sampled: rows of step, resident bytes and descriptors of each process, CPU time, reference."""

    processes: list[int] = field(default_factory=lambda: [os.getpid()])
    step: list[int] = field(default_factory=list)
    memory: list[list[int]] = field(default_factory=list)
    descriptors: list[list[int]] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    _last: tuple[int, float] = (0, 0.0)

    def sample(self, step: int) -> None:
        """Look at all processes; the cost of a step since the last time, in units of the reference."""
        spent_s = time.process_time()
        unit_s = _reference()
        if self.step:
            self.cost.append((spent_s - self._last[1]) / (step - self._last[0]) / unit_s)
        self.step.append(step)
        self.memory.append([_resident(process) for process in self.processes])
        self.descriptors.append([len(os.listdir(f"/proc/{process}/fd")) for process in self.processes])
        self._last = step, time.process_time()


def _reference() -> float:
    """CPU time of a computation that is always the same (s), the least of three."""
    found = []
    for _ in range(3):
        began, total = time.process_time(), 0.0
        for k in range(40):
            row = np.cos(np.arange(500) * 1e-3 * k)
            total += float(row @ row) + sum({str(n): n for n in range(60)}.values())
        found.append(time.process_time() - began)
    return min(found)


def _resident(process: int) -> int:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _children() -> set[int]:
    tasks = Path("/proc/self/task").iterdir()
    return {int(pid) for task in tasks for pid in (task / "children").read_text().split()}


def soak(steps: int, bench: str) -> dict[str, Any]:
    """Run so many steps after it has settled; what came of memory, descriptors and time, and whether they stayed."""
    chosen, series, others = BENCHES[bench], _Series(), _children()
    every = max(1, steps // SAMPLES)

    def report(what: Any) -> None:
        if isinstance(what, Step) and what.index >= chosen.settled and what.index % every == 0:
            if not series.step and chosen.has_child:
                series.processes += sorted(_children() - others)
            series.sample(what.index)

    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=".") as folder, one_blas_thread(), _small_cache():
        assembly = assemble(chosen.config, chosen.overrides(chosen.settled + steps))
        result = train(assembly, run_dir=Path(folder) / "run", plots=False, report=report)
    return {
        "bench": bench,
        "steps": result.steps,
        **judged(series),
        "seconds": round(time.monotonic() - began, 1),
    }


@contextmanager
def _small_cache() -> Iterator[None]:
    begin = Journal._begin

    def begun(journal: Journal, *arguments: Any) -> None:
        begin(journal, *arguments)
        journal._db.execute(f"PRAGMA cache_size=-{CACHE_KB}")

    with patch.object(Journal, "_begin", begun):
        yield


def judged(series: _Series) -> dict[str, Any]:
    """What is made of a series."""
    step = np.array(series.step)
    found: dict[str, Any] = {}
    holds = True
    for number, name in enumerate(["memory", "memory of instruments"][: len(series.processes)]):
        slope, margin = _slope(step, np.array([row[number] for row in series.memory], dtype=float))
        found[f"{name}, B/step"] = round(slope, 1)
        found[f"{name}, ±95 %"] = round(margin, 1)
        holds &= slope - margin <= 0.0 or slope + margin <= NEGLIGIBLE_B
        opened = [row[number] for row in series.descriptors]
        found[name.replace("memory", "descriptors")] = f"{min(opened)} to {max(opened)}, {opened[-1]} at the end"
        tenth = max(1, len(opened) // 10)
        holds &= np.median(opened[-tenth:]) <= np.median(opened[:tenth])
    cost = np.array(series.cost)
    tenth = max(1, len(cost) // 10)
    # The lower ones: what else the computer does can only make a step slower.
    ratio = float(np.quantile(cost[-tenth:], 0.2) / np.quantile(cost[:tenth], 0.2))
    found["last tenth / first, CPU"] = round(ratio, 3)
    # A short run on a busy computer scatters by more than that: it must not be slower beyond its own interval.
    growth, margin = (step[-1] - step[0]) / cost.mean() * np.array(_slope(step, cost))
    found["growth of a step over the run"], found["growth, ±95 %"] = round(float(growth), 3), round(float(margin), 3)
    holds &= ratio <= 1 + SLOWER or growth - margin <= 0.0
    return {**found, "negligible, B/step": NEGLIGIBLE_B, "holds": bool(holds)}


def _slope(step: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Slope, and the half width of its 95 % interval, from the means of blocks: neighbours are alike."""
    blocks = min(BLOCKS, len(step))
    x = np.array([part.mean() for part in np.array_split(step, blocks)])
    y = np.array([part.mean() for part in np.array_split(values, blocks)])
    if np.ptp(y) == 0.0:
        return 0.0, 0.0
    line = stats.linregress(x, y)
    return float(line.slope), float(stats.t.ppf(0.975, blocks - 2) * line.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--bench", choices=list(BENCHES), default="simulated")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = soak(arguments.steps, arguments.bench)
    print(json.dumps(found) if arguments.json else "\n".join(f"{key:<28} {value}" for key, value in found.items()))
    return int(not found["holds"])


if __name__ == "__main__":
    sys.exit(main())
