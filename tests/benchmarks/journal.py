"""What recording costs: the time that a step of Iris spends in the journal and in writing its samples.

python tests/benchmarks/journal.py [--json]: CPU and waiting together, against 2 % of a step of 40 ms, with samples
stored; exits 1 if that does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from labrig.assembly import assemble
from labrig.procedures.train import train
from labrig.runs.journal import Journal
from labrig.runs.raw import RawRecorder

STEP_S, SHARE = 40e-3, 0.02
CONFIG = Path(__file__).resolve().parents[2] / "configs" / "iris.yaml"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = {name: measured(overrides) for name, overrides in CASES.items()}
    line = {
        "ms per step": {name: round(1e3 * each, 3) for name, each in found.items()},
        "share of a 40 ms step": round(found["with samples"] / STEP_S, 4),
        "goal": SHARE,
        "holds": found["with samples"] <= SHARE * STEP_S,
    }
    print(json.dumps(line) if arguments.json else "\n".join(f"{key:<24} {value}" for key, value in line.items()))
    return int(not line["holds"])


CASES = {
    "with samples": ("storage.raw=true",),
    "without": (),
    "with samples, power": ("storage.raw=true", "storage.durability=power"),
}


def measured(overrides: tuple[str, ...]) -> float:
    """Median time per step in the calls that record (s)."""
    spent: list[float] = [0.0]

    def timed(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*arguments, **more)
            finally:
                spent[-1] += time.perf_counter() - began
                if method.__name__ == "append":
                    spent.append(0.0)

        return call

    with (
        tempfile.TemporaryDirectory(dir=".") as folder,
        patch.object(Journal, "append", timed(Journal.append)),
        patch.object(RawRecorder, "add", timed(RawRecorder.add)),
        patch.object(RawRecorder, "begin", timed(RawRecorder.begin)),
    ):
        train(assemble(CONFIG, ("learning.epochs=2", *overrides)), run_dir=Path(folder) / "run", plots=False)
    return float(np.median(spent[1:-1]))


if __name__ == "__main__":
    sys.exit(main())
