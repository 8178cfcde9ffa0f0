"""What must hold of a run however it ended."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labrig.assembly import packaged_configs
from labrig.runs.folder import META, RunFolder
from labrig.runs.journal import read_journal
from labrig.runs.summary import summarize

OUTCOME = {
    "event",
    "run",
    "metrics",
    "steps",
    "acquisitions",
    "evaluation_acquisitions",
    "wall_s",
    "bench_s",
}


class Child:
    """A command in a process of its own, with its output in files that can be read while it runs."""

    def __init__(self, folder: Path, arguments: Sequence[str], **popen: Any) -> None:
        self.out, self.err, self.state = folder / "out", folder / "err", folder / "state.json"
        self.runs = folder / "runs"
        command = [sys.executable, str(Path(__file__).with_name("child.py")), str(self.state), *arguments]
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [*command, "--json", "--runs-dir", str(self.runs)], stdout=out, stderr=err, **popen
            )

    def wait_until(self, condition: Callable[[], bool], deadline_s: float = 60.0) -> None:
        ends = time.monotonic() + deadline_s
        while not condition() and self.process.poll() is None:
            assert time.monotonic() < ends, "the run never came that far"
            time.sleep(0.002)

    def finish(self) -> int:
        try:
            return self.process.wait(timeout=60.0)
        finally:
            self.process.kill()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.read_text().splitlines()]

    @property
    def said(self) -> str:
        """What it wrote on stderr since it began."""
        return self.err.read_text().partition("ready\n")[2]

    @property
    def sources_off(self) -> bool:
        return all(all(bench.values()) for bench in json.loads(self.state.read_text()))


def config(name: str) -> str:
    return str(packaged_configs() / f"{name}.yaml")


def check_folders(runs: Path, outcome: dict[str, Any] | None, state: str) -> int:
    """Every folder that was described is readable, its steps count from 1 without a gap; how many there are."""
    folders = [path for path in runs.iterdir() if (path / META).is_file()] if runs.is_dir() else []
    for path in folders:
        record, summary = read_journal(path / "run.db"), summarize(RunFolder(path))
        np.testing.assert_array_equal(record.step, np.arange(1, len(record.step) + 1))
        assert np.isfinite(record.gradient).all()
        assert np.isfinite(record.conductances).all()
        assert all(evaluation.step <= len(record.step) for evaluation in record.evaluations)
        assert summary["state"] == state
        assert summary["steps"] == len(record.step)
        if outcome is not None:
            assert outcome["steps"] == len(record.step)
            assert Path(outcome["run"]) == path
    return len(folders)
