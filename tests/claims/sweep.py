"""A sweep gives the same table whoever does the work, and whatever happens to it on the way."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from common import Figure, seeds

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sweeps import dask_scheduler, ended, kill_a_worker, run_to_the_end, sweep_command, wait_for

from labrig.runs.sweeps import RECORD, read_table


def _sweep(folder: Path, short: bool) -> Path:
    """20 rates and 3 seeds; 3 rates and 2 seeds."""
    rates = [round(0.05 * k, 2) for k in range(2, 5 if short else 22)]
    path = folder / "short.yaml"
    path.write_text(
        f"config: xor.yaml\ngrid: {{learning.rate: {rates}}}\nseeds: {seeds('sweep', 2 if short else 3)}\n"
        "set: {learning.epochs: 10}\n"
    )
    return path


def measure(short: bool) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = _sweep(folder, short)
        local = run_to_the_end(path, folder / "local")
        trials = local.count(",finished,")

        with _quietly(sweep_command(path, folder / "worker")) as run:
            kill_a_worker(folder / "worker" / "short")
            code = run.wait(600)
        killed_worker = code == 0 and (folder / "worker" / "short" / "sweep.csv").read_text() == local

        with dask_scheduler(folder) as address:
            with _quietly(sweep_command(path, folder / "remote", "--scheduler", address)) as run:
                wait_for(lambda: _finished(folder / "remote" / "short"))
                run.kill()
            remote = run_to_the_end(path, folder / "remote", "--scheduler", address)
        goal = 6 if short else 60
        return [
            Figure("trials that finished on local workers", str(trials), f"{goal}", trials == goal),
            _same("table on a separate scheduler, whose client was killed once", remote == local),
            _same("table after a local worker was killed", killed_worker),
        ]


def _quietly(command: list[str]) -> AbstractContextManager[subprocess.Popen[str]]:
    return ended(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True))


def _finished(folder: Path) -> bool:
    return (folder / RECORD).is_file() and any(row["state"] == "finished" for row in read_table(folder).rows)


def _same(claim: str, same: bool) -> Figure:
    return Figure(claim, "identical" if same else "different", "identical", same)
