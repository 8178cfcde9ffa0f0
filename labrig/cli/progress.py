"""Progress on stderr: a bar on a terminal, a plain line every few seconds otherwise."""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from labrig.cli.streams import Unfiltered
from labrig.cli.tables import figures
from labrig.runs.journal import Evaluation, Step

if TYPE_CHECKING:
    from labrig.assembly import Assembly

EVERY_S = 5.0


class Progress(AbstractContextManager["Progress"], Protocol):
    """Shows how far a run has come while its context is open."""

    def advance(self, what: Step | Evaluation) -> None:
        """Show a completed step or evaluation."""
        ...


def progress_of(assembly: Assembly) -> Progress:
    """Return a progress bar if stderr is a terminal, progress lines otherwise."""
    task, learning = assembly.task, assembly.learning
    steps = learning.epochs * -(-len(task.train) // learning.batch)
    if sys.stderr.isatty():
        return BarProgress(assembly.name, steps)
    return LineProgress(assembly.name, steps)


class LatestFigures:
    """The figures to show: mean loss of the last 50 steps, and the last evaluation."""

    def __init__(self) -> None:
        self._losses: deque[float] = deque(maxlen=50)
        self._evaluation = ""

    def take(self, what: Step | Evaluation) -> None:
        """Add a step or an evaluation."""
        if isinstance(what, Step):
            if what.loss is not None:
                self._losses.append(what.loss)
        else:
            self._evaluation = f"; at step {what.step}: {figures(what.metrics)}"

    def text(self) -> str:
        """Return the figures in one line."""
        loss = sum(self._losses) / len(self._losses) if self._losses else math.nan
        return f"loss {loss:.4g} over the last {len(self._losses)} steps{self._evaluation}"


class LineProgress:
    """Prints a line every few seconds, for logs."""

    def __init__(self, name: str, steps: int) -> None:
        self._name = name
        self._steps = steps
        self._began = self._printed = time.monotonic()
        self._latest = LatestFigures()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def advance(self, what: Step | Evaluation) -> None:
        """Show a completed step or evaluation."""
        self._latest.take(what)
        now = time.monotonic()
        if isinstance(what, Evaluation) and what.step == 0:
            self._began = now  # the time before training is not part of the estimate
        if not isinstance(what, Step) or now - self._printed < EVERY_S:
            return
        self._printed = now
        left = (now - self._began) / what.index * (self._steps - what.index)
        line = f"{self._name}: step {what.index}/{self._steps}, {left:.0f} s left. {self._latest.text()}"
        print(line, file=sys.stderr, flush=True)


class BarProgress:
    """Shows a progress bar and the time left."""

    def __init__(self, name: str, steps: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._latest = LatestFigures()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=Console(file=Unfiltered(sys.stderr)),  # type: ignore[arg-type]
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
        """Show a completed step or evaluation."""
        self._latest.take(what)
        done = what.index if isinstance(what, Step) else None
        self._progress.update(self._task, completed=done, figures=self._latest.text())
