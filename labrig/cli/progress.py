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

FIRST_S, EVERY_S = 1.0, 5.0
"""Time of the first line, and interval between two lines (s)."""

OPENING = "opening the instruments"


class Progress(AbstractContextManager["Progress"], Protocol):
    """Shows how far a run has come while its context is open."""

    def advance(self, what: Step | Evaluation) -> None:
        """Show a completed step or evaluation."""
        ...

    def tick(self) -> None:
        """Show that another step, or another example of an evaluation, begins."""
        ...


def progress_of(assembly: Assembly) -> Progress:
    """Return a progress bar if stderr is a terminal, progress lines otherwise."""
    task, learning = assembly.task, assembly.learning
    steps = learning.epochs * -(-len(task.train) // learning.batch)
    examples = len(task.train) + len(task.test)
    if sys.stderr.isatty():
        return BarProgress(assembly.name, steps, examples)
    return LineProgress(assembly.name, steps, examples)


class EvaluationProgress:
    """Progress of an evaluation, from the number of examples that have begun since the last step."""

    def __init__(self, examples: int) -> None:
        self._examples = examples
        self._begun, self._since = 0, time.monotonic()

    def tick(self) -> None:
        """Count an example, or the beginning of a step."""
        self._begun += 1

    def reset(self) -> None:
        """Start counting again after a step or an evaluation."""
        self._begun, self._since = 0, time.monotonic()

    def text(self) -> str:
        """Return the progress and the estimated time left; "" if no evaluation is in progress."""
        done = self._begun - 1
        if done < 2:  # a step begins
            return ""
        left = (time.monotonic() - self._since) / done * max(0, self._examples - done)
        return f"evaluation: {min(done, self._examples)}/{self._examples} examples, {left:.0f} s left"


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

    def __init__(self, name: str, steps: int, examples: int) -> None:
        self._name = name
        self._steps = steps
        self._began = time.monotonic()
        self._due = self._began + FIRST_S
        self._latest, self._evaluation = LatestFigures(), EvaluationProgress(examples)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def advance(self, what: Step | Evaluation) -> None:
        """Show a completed step or evaluation."""
        self._latest.take(what)
        self._evaluation.reset()
        now = time.monotonic()
        if isinstance(what, Evaluation) and what.step == 0:
            self._began = now  # the time before training is not part of the estimate
        if not isinstance(what, Step) or now < self._due:
            return
        self._due = now + EVERY_S
        left = (now - self._began) / what.index * (self._steps - what.index)
        line = f"{self._name}: step {what.index}/{self._steps}, {left:.0f} s left. {self._latest.text()}"
        print(line, file=sys.stderr, flush=True)

    def tick(self) -> None:
        """Show that another step, or another example of an evaluation, begins."""
        self._evaluation.tick()
        now = time.monotonic()
        if now >= self._due and (text := self._evaluation.text()):
            self._due = now + EVERY_S
            print(f"{self._name}: {text}", file=sys.stderr, flush=True)


class BarProgress:
    """Shows a progress bar and the time left."""

    def __init__(self, name: str, steps: int, examples: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._latest, self._evaluation = LatestFigures(), EvaluationProgress(examples)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=Console(file=Unfiltered(sys.stderr)),  # type: ignore[arg-type]
            transient=True,
        )
        self._task: Any = self._progress.add_task(name, total=steps, figures=OPENING)

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
        self._evaluation.reset()
        done = what.index if isinstance(what, Step) else None
        self._progress.update(self._task, completed=done, figures=self._latest.text())

    def tick(self) -> None:
        """Show that another step, or another example of an evaluation, begins."""
        self._evaluation.tick()
        if text := self._evaluation.text():
            self._progress.update(self._task, figures=text)
