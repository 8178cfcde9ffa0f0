"""The twin names the edge that drifts by 5 %, and none of a healthy board."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from common import CONFIGS, Figure, in_parallel, seeds

import labrig
from labrig.runs.folder import RunFolder
from labrig.runs.summary import summarize

FROM_STEP = 60
EDGES = 30


def _named(seed: int, drifts: bool) -> list[tuple[str, int]]:
    """Edges of Iris that the twin names, with the number of steps after the drift of edge seed % 30."""
    settings: dict[str, Any] = {"learning.twin": "watch", "learning.epochs": 2}
    if drifts:
        where = f"pots/{seed % EDGES}"
        fault = {"what": "edge_drift", "where": where, "acquisition": 149 + 2 * FROM_STEP, "by": 0.05}
        settings["simulation.faults"] = [fault]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run"
        labrig.train(CONFIGS / "iris.yaml", seed=seed, settings=settings, run_dir=path, plots=False)
        events = summarize(RunFolder(path))["events"]
    return [(event["edge"], event["step"] - FROM_STEP) for event in events if event["event"] == "twin"]


def measure(short: bool) -> list[Figure]:
    chosen = seeds("twin", 3 if short else 10)
    healthy = in_parallel(_named, chosen, [False] * len(chosen))
    drifted = in_parallel(_named, chosen, [True] * len(chosen))
    right = [f"in{seed % EDGES // 3}-out{seed % EDGES % 3}" for seed in chosen]
    found = sum([(e, s <= 50) for e, s in names] == [(edge, True)] for names, edge in zip(drifted, right, strict=True))
    false = sum(bool(names) for names in healthy)
    count = len(chosen)
    least = 2 if short else 10
    slowest = max((step for names in drifted for _, step in names), default=0)  # also of those named too late
    return [
        Figure(
            "an edge drifts by 5 %: named within 50 steps, and no other",
            f"{found} of {count}",
            f"≥ {least}",
            found >= least,
        ),
        Figure("steps until the last of them was named", str(slowest), "stated", True),
        Figure("healthy runs in which an edge is named", f"{false} of {count}", "none", not false),
    ]
