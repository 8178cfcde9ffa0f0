"""Kill a short run at each of its writes to a file, before it or in its middle; resume, and compare with the whole run.

python tests/crash/torn_writes.py [--every K] [--json]: at every K-th write. Needs gcc, for torn_writes.c.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crash.forks import forked, last_reported, outcome, resume_to_the_end, run_to_the_end

from labrig.runs.journal import read_journal

OVERRIDES = ("learning.epochs=6", "learning.evaluate.every=2", "storage.raw=true")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if "torn_writes" not in os.environ.get("LD_PRELOAD", ""):
        return _preloaded()
    found = torn(arguments.every)
    print(json.dumps(found) if arguments.json else found)
    return int(bool(found["lost"] or found["different"] or not found["killed"]))


def _preloaded() -> int:
    """Run this program again with the shim."""
    with tempfile.TemporaryDirectory() as folder:
        shim = Path(folder) / "torn_writes.so"
        source = Path(__file__).with_suffix(".c")
        subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", shim, source], check=True)
        return subprocess.run([sys.executable, *sys.argv], env={**os.environ, "LD_PRELOAD": str(shim)}).returncode


def torn(every: int) -> dict[str, int]:
    """Count what came of the kills."""
    shim = ctypes.CDLL(None)
    found = {"killed": 0, "lost": 0, "different": 0, "resumed": 0, "begun again": 0}
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        shim.arm(-1, 0)
        _train(whole)
        writes, expected = int(shim.writes()), outcome(read_journal(whole / "run.db"))
        for half in (0, 1):
            for number in range(half * (every // 2), writes, every):
                _one(Path(folder) / "run", shim, number, half, expected, found)
    return found


def _one(path: Path, shim: Any, number: int, half: int, expected: Any, found: dict[str, int]) -> None:
    def run(report: Any) -> None:
        shim.arm(number, half)
        _train(path, report)

    process, pipe = forked(run)
    _, status = os.waitpid(process, 0)
    reported = last_reported(pipe)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        found["killed"] += 1
        if (path / "config.resolved.yaml").is_file():
            found["lost"] += max(0, reported - len(read_journal(path / "run.db").step))
            found["resumed"] += 1
            resume_to_the_end(path)
        else:
            found["lost"] += reported
            found["begun again"] += 1
            shutil.rmtree(path)
            _train(path)
    found["different"] += outcome(read_journal(path / "run.db")) != expected
    shutil.rmtree(path)


def _train(path: Path, report: Any = lambda what: None) -> None:
    run_to_the_end(path, "divider.yaml", OVERRIDES, report)


if __name__ == "__main__":
    sys.exit(main())
