"""The report of a long run, and what a dashboard that follows a run costs its steps."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from common import CONFIGS, ROOT, Figure, at_most

from labrig.runs.journal import read_journal

sys.path.append(str(ROOT / "tests"))
from dashboards import Dashboard, served

STEPS_PER_EPOCH = 90


def _run(folder: Path, name: str, epochs: int) -> Path:
    command = [sys.executable, "-m", "labrig", "run", str(CONFIGS / "iris.yaml"), "--no-plots", "--run-dir"]
    command += [str(folder / name), "--set", f"learning.epochs={epochs}"]
    subprocess.run(command, check=True, capture_output=True, timeout=3000)
    return folder / name


def _step_s(run: Path) -> float:
    """Median time from one step to the next on this computer's clock (s)."""
    return float(np.median(np.diff(read_journal(run / "run.db").wall_s)))


def _computed_s() -> float:
    """CPU time of all child processes that have ended (s)."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def _followed(folder: Path, name: str) -> Iterator[None]:
    """Follow a run, which may begin later, as a page does."""
    over = threading.Event()

    def listen(dashboard: Dashboard) -> None:
        while not (folder / name / "meta.json").exists() and not over.is_set():
            time.sleep(0.02)
        with dashboard.live(name) as socket:
            while not over.is_set():
                try:
                    socket.recv(0.2)
                except TimeoutError:
                    continue

    with served(folder) as dashboard:
        page = threading.Thread(target=listen, args=(dashboard,))
        page.start()
        try:
            yield
        finally:
            over.set()
            page.join()


def measure(short: bool) -> list[Figure]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        steps = 4 * STEPS_PER_EPOCH if short else 112 * STEPS_PER_EPOCH
        run = _run(folder, "long", steps // STEPS_PER_EPOCH)
        began, computed = time.perf_counter(), _computed_s()
        subprocess.run(
            [sys.executable, "-m", "labrig", "report", str(run)], check=True, capture_output=True, timeout=300
        )
        took, computed = time.perf_counter() - began, _computed_s() - computed
        size = (run / "report.html").stat().st_size / 1e6
        ratios = []
        for pair in range(0 if short else 10):
            times = {}
            for followed in (pair % 2 == 0, pair % 2 == 1):  # in turn, as the machine may become slower or faster
                name = f"{pair}-{followed}"
                if followed:
                    with _followed(folder, name):
                        times[followed] = _step_s(_run(folder, name, 20))
                else:
                    times[followed] = _step_s(_run(folder, name, 20))
            ratios.append(times[True] / times[False])
    figures = [
        at_most(f"labrig report of {steps} steps, whole process, CPU time (s)", computed, 10.0, ".1f"),
        at_most(f"report of {steps} steps (MB)", size, 5.0, ".2f"),
    ]
    if short:  # what the clock says is for a machine that does nothing else
        return figures
    return [
        *figures,
        at_most(f"labrig report of {steps} steps, whole process (s)", took, 10.0, ".1f"),
        at_most("step time with a dashboard over without", statistics.median(ratios), 1.02, ".3f"),
    ]
