"""How long a user waits: Iris from the command line, and `labrig --help` over an empty interpreter."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time

from common import CONFIGS, Figure, at_most


def _seconds(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return time.perf_counter() - began


def measure(short: bool) -> list[Figure]:
    # The short form runs on machines that do other things, too: it only says that nothing became slow.
    with tempfile.TemporaryDirectory() as folder:
        iris = [sys.executable, "-m", "labrig", "run", str(CONFIGS / "iris.yaml"), "--json", "--runs-dir", folder]
        runs = [_seconds(*iris) for _ in range(1 if short else 3)]
    pairs = [
        (_seconds(sys.executable, "-m", "labrig", "--help"), _seconds(sys.executable, "-c", "pass"))
        for _ in range(7 if short else 21)
    ]
    over = statistics.median(helped for helped, _ in pairs) - statistics.median(empty for _, empty in pairs)
    return [
        at_most(
            "labrig run configs/iris.yaml, whole process with PNGs (s)",
            statistics.median(runs),
            30.0 if short else 15.0,
            ".1f",
        ),
        at_most("labrig --help over python -c pass (s)", over, 0.25 if short else 0.1),
    ]
