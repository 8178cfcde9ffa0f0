"""Runs in forked children, which have imported everything: what they acknowledged, and their outcome bit by bit."""

from __future__ import annotations

import os
import struct
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from labrig.assembly import assemble
from labrig.procedures.resume import Resumable
from labrig.procedures.train import train
from labrig.runs.faults import lasting_events
from labrig.runs.folder import RunFolder
from labrig.runs.journal import Evaluation, Record, Step

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
Report = Callable[[Step | Evaluation], None]


def forked(run: Callable[[Report], None]) -> tuple[int, int]:
    """Run in a child; its process number, and a pipe with the index of every step that was acknowledged."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, reading
    status = 1
    try:
        os.close(reading)

        def report(what: Step | Evaluation) -> None:
            if isinstance(what, Step):
                os.write(writing, struct.pack("<q", what.index))

        run(report)
        status = 0
    finally:
        if status:
            traceback.print_exc()
            sys.stderr.flush()
        os._exit(status)


def last_reported(pipe: int) -> int:
    """The last step that a child acknowledged, 0 if there was none; the pipe is closed."""
    content = b""
    while chunk := os.read(pipe, 1 << 16):
        content += chunk
    os.close(pipe)
    whole = len(content) // 8 * 8
    return struct.unpack("<q", content[whole - 8 : whole])[0] if whole else 0


def run_to_the_end(path: Path, config: Path | str, overrides: tuple[str, ...], report: Report) -> None:
    """Train; a configuration without a folder is a packaged one."""
    train(assemble(CONFIGS / config, overrides), run_dir=path, plots=False, report=report)


def resume_to_the_end(path: Path, report: Report = lambda what: None) -> None:
    """Go on with a run, unless it had finished."""
    run = Resumable(RunFolder(path))
    if run.finished is None:
        run.resume(plots=False, report=report)


def outcome(record: Record) -> list[Any]:
    """Everything that must be the same bit by bit: all but the time on this computer, and how often it was resumed."""
    steps = [
        (name, np.asarray(values).tobytes() if isinstance(values, np.ndarray) else values)
        for name, values in record.steps.items()
        if name not in ("wall_s", "bench_s")
    ]
    evaluations = [
        (each.epoch, each.step, each.metrics, each.bench_acquisitions, each.bench_clock_s, each.outputs.tobytes())
        for each in record.evaluations
    ]
    # A step that was being repeated when the run was killed is repeated again: the journal has that event twice.
    events = [event[:2] for event in lasting_events(record.events) if event.event != "resumed"]
    (finished,) = (event.detail for event in record.events if event.event == "finished")
    line = {key: value for key, value in finished.items() if key not in ("run", "wall_s")}
    return [steps, evaluations, events, line]
