"""Sweeps for tests and claims: a dask scheduler with workers, and processes that are killed on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from labrig.runs.lock import writer

LIMIT_S = 300.0


def sweep_command(path: Path, runs: Path, *more: str) -> list[str]:
    """The command that runs a sweep in a process of its own."""
    return [sys.executable, "-m", "labrig", "sweep", str(path), "--runs-dir", str(runs), *more]


def run_to_the_end(path: Path, runs: Path, *more: str) -> str:
    """Run a sweep, which must succeed; its table."""
    done = subprocess.run(sweep_command(path, runs, *more), capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    return (runs / path.stem / "sweep.csv").read_text()


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """End a process with the block."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def dask_scheduler(folder: Path, workers: int = 2) -> Iterator[str]:
    """Address of a dask scheduler that was started by hand, and has workers that were too."""
    file = folder / "scheduler.json"
    with ExitStack() as stack:
        own = ["--scheduler-file", str(file), "--no-dashboard"]
        scheduler = ("scheduler", "--host", "127.0.0.1", "--port", "0")
        for kind, *more in [scheduler, *[("worker", "--nthreads", "1")] * workers]:
            command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *own, *more]
            log = stack.enter_context((folder / "dask.log").open("a"))
            stack.enter_context(ended(subprocess.Popen(command, stdout=log, stderr=log, text=True, cwd=folder)))
            wait_for(file.is_file)
        wait_for(lambda: file.stat().st_size > 0)
        yield json.loads(file.read_text())["address"]


def wait_for(there: Callable[[], object]) -> None:
    """Wait until something is there."""
    deadline = time.monotonic() + LIMIT_S
    while not there():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kill_a_worker(sweep: Path) -> int:
    """Kill a process that is training a trial of a sweep; its process id."""
    found: list[int] = []

    def look() -> bool:
        found[:] = [pid for journal in sweep.glob("*/run.db") if (pid := writer(journal)) is not None]
        return bool(found)

    wait_for(look)
    os.kill(found[0], signal.SIGKILL)
    return found[0]
