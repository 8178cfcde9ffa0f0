"""Progress on stderr: a bar on a terminal, a plain line every few seconds otherwise."""

from __future__ import annotations

import sys
import time
from collections import deque
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from labrig.cli.streams import Unfiltered
from labrig.cli.tables import FIGURES_APART, figures
from labrig.runs.journal import Evaluation, Step

if TYPE_CHECKING:
    from labrig.assembly import Assembly

FIRST_S, EVERY_S = 1.0, 5.0
"""Time of the first line, and interval between two lines (s)."""

FEWEST_EXAMPLES, LONG_S = 10, 5.0
"""Number of examples, or time (s), from which the time left of an evaluation is estimated."""

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
    """Progress of an evaluation, from the number of examples that have begun since the last step.

    Parameters
    ----------
    examples, steps : int
        Number of examples of an evaluation, and of steps of the run.
    """

    def __init__(self, examples: int, steps: int) -> None:
        self._examples = examples
        self._steps = steps
        self._begun, self._since = 0, time.monotonic()
        self._over = False  # after the last evaluation come the judge and the pictures

    def tick(self) -> None:
        """Count an example, or the beginning of a step."""
        if self._begun < 2:  # opening the instruments took time too, and the first example is slow
            self._since = time.monotonic()
        self._begun += 1

    def advance(self, what: Step | Evaluation) -> None:
        """Start counting again after a step or an evaluation; the last evaluation ends the counting."""
        self._begun, self._since = 0, time.monotonic()
        self._over = isinstance(what, Evaluation) and what.step >= self._steps

    def text(self) -> str:
        """Return the progress and the estimated time left; "" if no evaluation is in progress."""
        done = self._begun - 1
        if done < 2 or self._over:  # fewer than two: a step begins
            return ""
        begun = f"evaluation: {min(done, self._examples)}/{self._examples} examples"
        elapsed = time.monotonic() - self._since
        if done < FEWEST_EXAMPLES and elapsed < LONG_S:  # the first ones say little about the rest
            return begun
        return f"{begun}, {elapsed / (done - 1) * max(0, self._examples - done):.0f} s left"


class TimeLeft:
    """Estimates the time left in a run from the duration of this session's steps, except the first, which is slow.

    Parameters
    ----------
    steps : int
        Total number of steps, including those of earlier sessions.
    """

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._before: int | None = None  # the first step of this session, once it is complete
        self._began = time.monotonic()

    def tick(self) -> None:
        """Note that a step or a measurement begins; the time before the first step is not part of the estimate."""
        if self._before is None:
            self._began = time.monotonic()

    def after(self, step: int) -> float:
        """Return the estimated time left after a step (s)."""
        now = time.monotonic()
        if self._before is None:
            self._before, self._began, first_s = step, now, now - self._began
            return first_s * (self._steps - step)
        return (now - self._began) / (step - self._before) * (self._steps - step)


class LatestFigures:
    """The figures to show: mean loss of the last 50 steps, and the last evaluation."""

    def __init__(self) -> None:
        self._losses: deque[float] = deque(maxlen=50)
        self._evaluation: list[str] = []

    def take(self, what: Step | Evaluation) -> None:
        """Add a step or an evaluation."""
        if isinstance(what, Step):
            if what.loss is not None:
                self._losses.append(what.loss)
        else:
            self._evaluation = [f"at step {what.step}: ", *figures(what.metrics).split(FIGURES_APART)]

    def parts(self) -> list[str]:
        """Return the figures as parts that can be joined into one line, the most important part first."""
        found: list[str] = []
        if self._losses:
            count = len(self._losses)
            over = "in the last step" if count == 1 else f"over the last {count} steps"
            found += [f"loss {sum(self._losses) / count:.4g}", f" {over}"]
        if self._evaluation:
            where, first, *others = self._evaluation
            found += [f"{'; ' if found else ''}{where}{first}", *(f"{FIGURES_APART}{each}" for each in others)]
        return found

    def text(self) -> str:
        """Return the figures in one line."""
        return "".join(self.parts())


class LineProgress:
    """Prints a line every few seconds, for logs."""

    def __init__(self, name: str, steps: int, examples: int) -> None:
        self._name = name
        self._steps = steps
        self._due = time.monotonic() + FIRST_S
        self._evaluation = EvaluationProgress(examples, steps)
        self._latest, self._left = LatestFigures(), TimeLeft(steps)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def advance(self, what: Step | Evaluation) -> None:
        """Show a completed step or evaluation."""
        self._latest.take(what)
        self._evaluation.advance(what)
        if not isinstance(what, Step):
            return
        left, now = self._left.after(what.index), time.monotonic()
        if now < self._due:
            return
        self._due = now + EVERY_S
        line = f"{self._name}: step {what.index}/{self._steps}, {left:.0f} s left. {self._latest.text()}"
        print(line.rstrip(), file=sys.stderr, flush=True)

    def tick(self) -> None:
        """Show that another step, or another example of an evaluation, begins."""
        self._evaluation.tick()
        self._left.tick()
        now = time.monotonic()
        if now >= self._due and (text := self._evaluation.text()):
            self._due = now + EVERY_S
            print(f"{self._name}: {text}", file=sys.stderr, flush=True)


class BarProgress:
    """Shows a progress bar and the time left."""

    def __init__(self, name: str, steps: int, examples: int) -> None:
        from labrig.cli.progress_bar import ProgressBar

        self._evaluation = EvaluationProgress(examples, steps)
        self._latest, self._left = LatestFigures(), TimeLeft(steps)
        self._bar = ProgressBar(Unfiltered(sys.stderr), name, steps)  # type: ignore[arg-type]
        self._bar.show([OPENING])

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def advance(self, what: Step | Evaluation) -> None:
        """Show a completed step or evaluation."""
        self._latest.take(what)
        self._evaluation.advance(what)
        if isinstance(what, Step):
            self._bar.show(self._latest.parts(), what.index, self._left.after(what.index))
        else:
            self._bar.show(self._latest.parts())

    def tick(self) -> None:
        """Show that another step, or another example of an evaluation, begins."""
        self._evaluation.tick()
        self._left.tick()
        if text := self._evaluation.text():
            self._bar.show([text])
