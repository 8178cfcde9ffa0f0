"""Kill runs with SIGKILL at random moments, resume each until it has finished, and compare with an undisturbed run.

python tests/crash/kill.py --kills N [--bench simulated|wire] [--json] [--seed S]

Every process is a fork of this one, which has imported everything. A step is acknowledged when the run reports it.
On the wire (kill_wire.py) no two runs are the same bit by bit: each is replayed from its samples, and the outputs must
be off within a second of every kill.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from crash.forks import forked, last_reported, outcome, resume_to_the_end, run_to_the_end
from crash.kill_wire import kill_on_the_wire

from labrig.runs.journal import read_journal

RESET = "[{acquisition: 60, what: reset, where: pots}]"
DRIFT = "[{acquisition: 210, what: edge_drift, where: pots/28, by: 0.05}]"
RUNS: dict[str, tuple[str, tuple[str, ...]]] = {
    "xor": ("xor.yaml", ("learning.epochs=8", "learning.evaluate.every=3")),
    "iris, zero measured again": (
        "iris.yaml",
        ("learning.epochs=1", "acquisition.zero.every=7", "simulation.drift=3 mV"),
    ),
    "iris, potentiometers reset": ("iris.yaml", ("learning.epochs=1", f"simulation.faults={RESET}")),
    "iris, twin": ("iris.yaml", ("learning.epochs=1", "learning.twin=watch", f"simulation.faults={DRIFT}")),
    "divider, power": ("divider.yaml", ("storage.durability=power", "learning.evaluate.every=10")),
}
"""Short runs: name → configuration and overrides."""


@dataclass
class Tally:
    """What came of all kills."""

    kills: int = 0
    runs: int = 0
    lost: int = 0
    different: int = 0
    before_the_run: int = 0
    resumed: int = 0

    @property
    def holds(self) -> bool:
        """Whether nothing was lost and every run ended as it should."""
        return self.kills > self.before_the_run and not (self.lost or self.different)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--bench", choices=["simulated", "wire"], default="simulated")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    began = time.monotonic()
    do = kill if arguments.bench == "simulated" else kill_on_the_wire
    found = do(arguments.kills, arguments.seed)
    line = {**vars(found), "seconds": round(time.monotonic() - began, 1)}
    print(json.dumps(line) if arguments.json else "\n".join(f"{key:<16} {value}" for key, value in line.items()))
    return int(not found.holds)


def kill(kills: int, seed: int) -> Tally:
    """Kill runs until so many were killed after they had begun."""
    rng, tally = random.Random(seed), Tally()
    with tempfile.TemporaryDirectory() as folder:
        undisturbed = {
            name: _undisturbed(Path(folder), number, *run) for number, (name, run) in enumerate(RUNS.items())
        }
        while tally.kills - tally.before_the_run < kills:
            name = rng.choice(list(RUNS))
            took_s, expected = undisturbed[name]
            run = Path(folder) / "run"
            _until_finished(run, *RUNS[name], took_s, rng, tally)
            tally.runs += 1
            tally.different += outcome(read_journal(run / "run.db")) != expected
            shutil.rmtree(run)
    return tally


def _undisturbed(folder: Path, number: int, config: str, overrides: tuple[str, ...]) -> tuple[float, list[Any]]:
    """How long a run takes, and its outcome."""
    path, began = folder / str(number), time.monotonic()
    process, acknowledged = forked(lambda report: run_to_the_end(path, config, overrides, report))
    _, status = os.waitpid(process, 0)
    os.close(acknowledged)
    assert status == 0, f"{config} does not run"
    return time.monotonic() - began, outcome(read_journal(path / "run.db"))


def _until_finished(
    path: Path, config: str, overrides: tuple[str, ...], took_s: float, rng: random.Random, tally: Tally
) -> None:
    """Run, kill, resume, kill, … until it has finished. Lost steps are counted."""
    reported = 0
    while True:
        there = (path / "config.resolved.yaml").is_file()
        if not there:
            shutil.rmtree(path, ignore_errors=True)
            process, acknowledged = forked(lambda report: run_to_the_end(path, config, overrides, report))
        else:
            process, acknowledged = forked(lambda report: resume_to_the_end(path, report))
            tally.resumed += 1
        killed = _killed_after(process, rng.uniform(0.1 * took_s, took_s))
        reported = max(reported, last_reported(acknowledged))
        if not killed:
            return
        tally.kills += 1
        if (path / "config.resolved.yaml").is_file():
            tally.lost += max(0, reported - len(read_journal(path / "run.db").step))
        else:
            tally.before_the_run += 1


def _killed_after(process: int, delay_s: float) -> bool:
    """Kill a process after a delay; False if it ended by itself before."""
    ends = time.monotonic() + delay_s
    while time.monotonic() < ends:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            assert status == 0, f"it ended with status {status}"
            return False
        time.sleep(min(0.002, delay_s))
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    return os.WIFSIGNALED(status)


if __name__ == "__main__":
    sys.exit(main())
