"""Progress on stderr: a bar on a terminal, a plain line every few seconds otherwise."""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from labrig.cli.tables import figures
from labrig.runs.journal import Evaluation, Step

if TYPE_CHECKING:
    from labrig.assembly import Assembly

EVERY_S = 5.0


class Progress(AbstractContextManager["Progress"], Protocol):
    def advance(self, what: Step | Evaluation) -> None: ...


def progress_of(assembly: Assembly) -> Progress:
    """The progress display that fits stderr."""
    task, learning = assembly.task, assembly.learning
    steps = learning.epochs * -(-len(task.train) // learning.batch)
    if sys.stderr.isatty():
        return BarProgress(assembly.name, steps)
    return LineProgress(assembly.name, steps)


class Latest:
    """The figures worth showing: the mean loss of recent steps, and the last evaluation with its step."""

    def __init__(self) -> None:
        self._losses: deque[float] = deque(maxlen=50)
        self._evaluation = ""

    def take(self, what: Step | Evaluation) -> None:
        if isinstance(what, Step):
            self._losses.append(what.loss)
        else:
            self._evaluation = f"; at step {what.step}: {figures(what.metrics)}"

    def text(self) -> str:
        loss = sum(self._losses) / len(self._losses) if self._losses else math.nan
        return f"loss {loss:.4g} over the last {len(self._losses)} steps{self._evaluation}"


class LineProgress:
    """A line every few seconds, for logs."""

    def __init__(self, name: str, steps: int) -> None:
        self._name = name
        self._steps = steps
        self._began = self._said = time.monotonic()
        self._latest = Latest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def advance(self, what: Step | Evaluation) -> None:
        self._latest.take(what)
        now = time.monotonic()
        if isinstance(what, Evaluation) and what.step == 0:
            self._began = now  # what comes before training says nothing about it
        if not isinstance(what, Step) or now - self._said < EVERY_S:
            return
        self._said = now
        left = (now - self._began) / what.index * (self._steps - what.index)
        line = f"{self._name}: step {what.index}/{self._steps}, {left:.0f} s left. {self._latest.text()}"
        print(line, file=sys.stderr, flush=True)


class BarProgress:
    """A bar with the time left."""

    def __init__(self, name: str, steps: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._latest = Latest()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: Any = self._progress.add_task(name, total=steps, figures="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def advance(self, what: Step | Evaluation) -> None:
        self._latest.take(what)
        done = what.index if isinstance(what, Step) else None
        self._progress.update(self._task, completed=done, figures=self._latest.text())
