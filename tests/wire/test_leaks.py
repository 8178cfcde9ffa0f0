"""Steps on the wire leave nothing behind: no descriptor, no thread, no task, in this process or the instruments'.

`LABRIG_LONG=1` takes ten thousand steps instead of fifty.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from trials import trials

from labrig.assembly import assemble
from labrig.runs.journal import Journal

SMALL = Path(__file__).parents[1] / "benchmarks" / "small_wire.yaml"
STEPS = trials(50, 100, 10_000)
SETTLED = 30
"""Steps until every pool has its threads and every cache is filled."""

GROWTH_MB = 8.0

POOLS = 8
"""Threads a pool may have grown by: it has as many as were ever busy at once."""


def children() -> set[Path]:
    """Of this process, in /proc."""
    tasks = Path("/proc/self/task").iterdir()
    return {Path(f"/proc/{pid}") for task in tasks for pid in (task / "children").read_text().split()}


def held(process: Path) -> tuple[list[str], int, float]:
    """Open descriptors (kinds, sorted), threads, and resident memory in MB."""
    links = [os.readlink(link) for link in (process / "fd").iterdir() if link.is_symlink()]
    kinds = sorted(link.split(":")[0] for link in links)
    resident = int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return kinds, len(list((process / "task").iterdir())), resident


@pytest.mark.more
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts what a process holds in /proc")
def test_nothing_is_left_behind(tmp_path: Path) -> None:
    assembly = assemble(SMALL, ["acquisition.window=5 ms", "acquisition.settle=1 ms"])
    others = children()
    with assembly.open_rig() as rig, Journal(tmp_path / "run.db") as journal:
        experiment = assembly.experiment(rig, journal)
        rig.program(experiment.update.settings())
        for _ in range(SETTLED):
            experiment.step(0, [0])
        (bench,) = children() - others
        processes = (Path("/proc/self"), bench)
        before = [held(process) for process in processes]
        for _ in range(STEPS):
            experiment.step(0, [0])
        after = [held(process) for process in processes]
    for (descriptors, threads, memory), (descriptors_then, threads_then, memory_then) in zip(
        before, after, strict=True
    ):
        assert descriptors_then == descriptors
        assert threads_then <= threads + POOLS
        assert memory_then <= memory + GROWTH_MB
