"""kill.py on the wire: runs with `bench: hardware` on virtual instruments that `labrig virtual serve` serves.

The World of these instruments says when the last output went off; they live on while runs are killed and resumed.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from crash.forks import Report, forked, last_reported, resume_to_the_end, run_to_the_end
from crash.outputs import hardware
from crash.world import ServedWorld, served_world

from labrig.assembly import assemble
from labrig.procedures.replay import replay
from labrig.runs.folder import CONFIG, META, RunFolder
from labrig.runs.journal import Record, read_journal

SERVED = "iris_wire.yaml"
SHORT = (
    "task.split={train_per_class: 1, test_per_class: 1}",
    "learning.epochs=10",
    "learning.evaluate.every=4",
    "storage.raw=true",
)
STEPS = 30
WITHIN_S = 1.0
WAIT_S = 10.0


@dataclass
class WireTally:
    """What came of all kills.

    while_playing: kills while something was driven. before_the_run: kills before there was anything to resume.
    lost: acknowledged steps that the journal did not have. late: kills after which an output was on for too long.
    wrong: runs that did not end as they should. ahead: edges that held what the step that was cut off had written.
    """

    kills: int = 0
    while_playing: int = 0
    before_the_run: int = 0
    runs: int = 0
    resumed: int = 0
    lost: int = 0
    late: int = 0
    wrong: int = 0
    ahead: int = 0
    worst_off_s: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, late or wrong, and outputs were on when runs were killed."""
        return self.while_playing > 0 and not (self.lost or self.late or self.wrong)


def kill_on_the_wire(kills: int, seed: int) -> WireTally:
    """Kill and resume runs until so many were killed while something was driven."""
    rng, tally = random.Random(seed), WireTally()
    logging.getLogger("labrig").addHandler(logging.NullHandler())  # resumed runs say which edges differ
    with tempfile.TemporaryDirectory() as folder, served_world(SERVED) as world:
        overrides = (*SHORT, *hardware(world.resources))
        began = time.monotonic()
        process, pipe = forked(lambda report: run_to_the_end(Path(folder) / "whole", SERVED, overrides, report))
        _, status = os.waitpid(process, 0)
        assert (status, last_reported(pipe)) == (0, STEPS), "an undisturbed run fails"
        took_s = time.monotonic() - began
        while tally.while_playing < kills:
            path = Path(folder) / f"run-{tally.runs}"
            began, before = time.monotonic(), tally.kills
            _until_finished(path, overrides, took_s, world, rng, tally)
            tally.runs += 1
            if tally.kills == before:  # it was never killed: the computer is less busy now
                took_s = min(took_s, time.monotonic() - began)
            problems = _problems(path, tally)
            tally.wrong += bool(problems)
            for problem in problems:
                print(f"run {tally.runs}: {problem}", file=sys.stderr)
    return tally


def _until_finished(
    path: Path, overrides: tuple[str, ...], took_s: float, world: ServedWorld, rng: random.Random, tally: WireTally
) -> None:
    reported = 0
    while True:
        if (path / META).is_file():
            tally.resumed += 1
            process, pipe = forked(lambda report: resume_to_the_end(path, report))
        else:
            overwritten = path.with_name(f"{path.name}-{tally.kills}")
            if path.exists():
                path.rename(overwritten)
            process, pipe = forked(lambda report: run_to_the_end(path, SERVED, overrides, report))
        killed = _killed(process, rng.uniform(0.1, 1.0) * took_s, world, tally)
        reported = max(reported, last_reported(pipe))
        if not killed:
            return
        if (path / META).is_file():
            tally.lost += max(0, reported - len(read_journal(path / "run.db").step))
        else:
            tally.before_the_run += 1
            tally.lost += reported


def _killed(process: int, delay_s: float, world: ServedWorld, tally: WireTally) -> bool:
    """Kill a process after a delay, and wait until all outputs are off; False if it ended by itself before."""
    ends = time.monotonic() + delay_s
    while time.monotonic() < ends:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            assert status == 0, f"it ended with status {status}"
            return False
        time.sleep(2e-3)
    on = bool(world.on())
    struck_s = time.monotonic()
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    if not os.WIFSIGNALED(status):
        return False
    off_s = world.off_after(struck_s, WAIT_S)
    tally.kills += 1
    tally.while_playing += on
    tally.late += off_s > WITHIN_S
    tally.worst_off_s = max(tally.worst_off_s, round(off_s, 3))
    return True


def _problems(path: Path, tally: WireTally) -> list[str]:
    """What is wrong with a run that has finished, in words."""
    record, found = read_journal(path / "run.db"), []
    if record.step.tolist() != list(range(1, STEPS + 1)):
        found.append(f"the steps are {record.step.tolist()}")
    if [event.event for event in record.events].count("finished") != 1:
        found.append("it did not finish once")
    for event in record.events:
        board = event.detail.get("board") if event.event == "resumed" else None
        if board is not None:
            tally.ahead += board["ahead"]
            if len(board["differing"]) != board["ahead"]:  # nobody but the run has written anything
                found.append(f"resumed at step {event.step}: the board held something else: {board}")
    replayed = replay(RunFolder(path))
    if replayed.differs or replayed.steps != STEPS:
        found.append(f"not what its samples say: {replayed}")
    process, pipe = forked(lambda report: _compare_with_the_board(path, record, report))
    _, status = os.waitpid(process, 0)
    os.close(pipe)
    if status:
        found.append("the board does not hold what the last step wrote")
    return found


def _compare_with_the_board(path: Path, record: Record, report: Report) -> None:
    """Read every edge back."""
    assembly = assemble(path / CONFIG)
    with assembly.open_rig() as rig:
        held = rig.read_back()
        siemens = [rig.nominal(edge, held[edge]) for edge in range(len(rig.edges))]
    np.testing.assert_array_equal(siemens, record.conductances[-1])
