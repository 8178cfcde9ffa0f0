"""Repeats demodulation and learning from the samples that a run stored, and compares the result with its journal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from labrig.assembly import assemble
from labrig.errors import LabrigError, SourceMisfit, StorageError, SyncLost
from labrig.experiment import Experiment
from labrig.procedures.replay.bench import ReplayBench
from labrig.runs.faults import lasting_events
from labrig.runs.folder import CONFIG, RunFolder
from labrig.runs.integrity import require_intact
from labrig.runs.journal import Evaluation, Event, Intent, Record, Step, read_blocks
from labrig.runs.raw import RawBlocks

NOT_REPLAYED = ("wall_s", "bench_s", "bench_clock_s", "written")
"""Fields that do not follow from samples: times, and what programmers reported."""


@dataclass(frozen=True)
class Replayed:
    """The result of a replay.

    Parameters
    ----------
    steps, evaluations
        Number of steps and of evaluations that were the same, bit by bit.
    differs
        The first step or evaluation that differed, and the fields in which it did; empty if all were the same.
    """

    steps: int
    evaluations: int
    differs: str = ""


class _Differs(Exception):
    """The replay differs from the journal."""


def replay(
    folder: RunFolder,
    report: Callable[[Step | Evaluation], None] = lambda what: None,
    stop: Callable[[], bool] = lambda: False,
) -> Replayed:
    """Replay a run from its samples.

    Parameters
    ----------
    folder
        The folder of a run with `storage.raw`.
    report
        Called with every step and every evaluation that was the same.
    stop
        Called before every step; True ends the replay.

    Raises
    ------
    StorageError
        If the folder is damaged, or the run stored no samples.
    """
    record = require_intact(folder)
    blocks = read_blocks(folder.journal)
    if not blocks:
        raise StorageError(
            f"{folder.path} has no samples to replay", remedy="repeat the run with --set storage.raw=true to store them"
        )
    compared = _Comparison(record)
    meta = folder.meta()
    bench: ReplayBench | None = None
    state: Mapping[str, Any] = {}
    try:
        for first, last, epochs in _stretches(record, meta["card"]["epochs"]):
            assembly = assemble(folder.path / CONFIG, (f"learning.epochs={epochs}",))
            if bench is None:
                raw, hookup = RawBlocks(folder.path, blocks), assembly.board.hookup
                bench = ReplayBench(raw, meta["rig"], hookup, _resets(record), _masked(record), _refused(record))
            with assembly.rig_on(bench, recorded=True) as rig:
                experiment: Experiment = assembly.experiment(rig, compared)  # type: ignore[arg-type]
                if first:
                    experiment.resume(_until(record, first), state)
                compared.goes_to(last)
                experiment.run(lambda: compared.is_there() or stop(), report)
                state = {"evaluation_acquisitions": experiment.evaluation_acquisitions, "rig": rig.state()}
    except _Differs as difference:
        return Replayed(compared.steps, compared.evaluations, str(difference))
    return Replayed(compared.steps, compared.evaluations)


class _Comparison:
    """Takes the place of the journal: compares each row with the recorded one instead of storing it."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self.steps = 0
        self.evaluations = 0
        self._last = 0

    def goes_to(self, step: int) -> None:
        """Set the last step to be compared."""
        self._last = step

    def is_there(self) -> bool:
        """Return whether everything up to the last step to be compared was compared."""
        evaluations = sum(each.step <= self._last for each in self._record.evaluations)
        return self.steps >= self._last and self.evaluations >= evaluations

    def append(self, step: Step, state: Mapping[str, Any]) -> None:
        """Compare a step."""
        row = self.steps
        wrong = []
        for field in fields(step):
            recorded = self._record.steps["step" if field.name == "index" else field.name][row]
            if field.name not in NOT_REPLAYED and not _same(getattr(step, field.name), recorded):
                wrong.append(field.name)
        if wrong:
            raise _Differs(f"step {step.index}: {', '.join(wrong)}")
        self.steps += 1

    def evaluated(self, evaluation: Evaluation, state: Mapping[str, Any]) -> None:
        """Compare an evaluation."""
        recorded = self._record.evaluations[self.evaluations]
        names = (
            "epoch",
            "step",
            "metrics",
            "examples",
            "outputs",
            "u_outputs",
            "systematic_outputs",
            "bench_acquisitions",
        )
        wrong = [name for name in names if not _same(getattr(evaluation, name), getattr(recorded, name))]
        if wrong:
            raise _Differs(f"the evaluation after step {recorded.step}: {', '.join(wrong)}")
        self.evaluations += 1

    def event(self, event: Event) -> None:
        """Do nothing."""

    def intend(self, intent: Intent) -> None:
        """Do nothing."""


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        if np.isnan(other).all():
            return True  # of large boards not every gradient is stored
        return np.array_equal(one, other)
    if one is None:
        return other is None or math.isnan(other)
    return one == other


def _stretches(record: Record, epochs: int) -> Iterator[tuple[int, int, int]]:
    """Yield the first step, last step and epochs of each stretch; a run that was trained further has several."""
    first = 0
    before = [event.detail["epochs_before"] for event in record.events if "epochs_before" in event.detail]
    epochs = before[0] if before else epochs
    for event in record.events:
        if event.event == "resumed" and event.detail.get("epochs", epochs) != epochs:
            yield first, event.step, epochs
            first, epochs = event.step, event.detail["epochs"]
    yield first, len(record.step), epochs


def _until(record: Record, step: int) -> Record:
    """Return the part of a record up to a step."""
    steps = {name: values[:step] for name, values in record.steps.items()}
    return Record(steps, tuple(each for each in record.evaluations if each.step <= step), record.events)


def _resets(record: Record) -> Iterator[int]:
    """Yield the acquisitions after which settings had been lost."""
    return (event.bench_acquisitions or 0 for event in lasting_events(record.events) if event.event == "repeated")


def _refused(record: Record) -> dict[int, LabrigError]:
    """Return, by acquisition, the errors after which it was repeated that its samples alone do not show."""
    kinds = {"SyncLost": SyncLost, "SourceMisfit": SourceMisfit}
    return {
        event.bench_acquisitions or 0: kinds[event.detail["kind"]](
            event.detail.get("error", event.detail.get("message"))
        )
        for event in lasting_events(record.events)
        if event.event in ("fault", "repeated") and event.detail.get("kind") in kinds
    }


def _masked(record: Record) -> dict[int, list[str]]:
    """Return, by acquisition, the edges that did not keep the value written after it."""
    return {
        event.bench_acquisitions or 0: event.detail["edges"]
        for event in lasting_events(record.events)
        if event.event == "fault" and event.detail.get("action") == "mask"
    }
