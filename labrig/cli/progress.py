"""Progress on stderr: a bar on a terminal, a plain line every few seconds otherwise."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

if TYPE_CHECKING:
    from labrig.assembly import Assembly
    from labrig.runs.journal import Evaluation, Step

EVERY_S = 5.0


class Progress(AbstractContextManager["Progress"], Protocol):
    def advance(self, what: Step | Evaluation) -> None: ...


def wall_s() -> float:
    """Seconds since this process was started by its user, as near as the platform tells."""
    return time.monotonic() - _BEGAN


_BEGAN = time.monotonic()


def progress_of(assembly: Assembly) -> Progress:
    """The progress display that fits stderr."""
    task, learning = assembly.task, assembly.learning
    steps = learning.epochs * -(-len(task.train) // learning.batch)
    if sys.stderr.isatty():
        return BarProgress(assembly.name, steps)
    return LineProgress(assembly.name, steps)


class LineProgress:
    """A line every few seconds, for logs."""

    def __init__(self, name: str, steps: int) -> None:
        self._name = name
        self._steps = steps
        self._began = self._said = time.monotonic()
        self._latest = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def advance(self, what: Step | Evaluation) -> None:
        if not hasattr(what, "index"):
            self._latest = figures(what.metrics)  # type: ignore[union-attr]
            return
        now = time.monotonic()
        if now - self._said < EVERY_S:
            return
        self._said = now
        done = what.index  # type: ignore[union-attr]
        left = (now - self._began) / done * (self._steps - done)
        print(
            f"{self._name}: step {done}/{self._steps}, {left:.0f} s left. {self._latest}", file=sys.stderr, flush=True
        )


class BarProgress:
    """A bar with the time left."""

    def __init__(self, name: str, steps: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

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
        if hasattr(what, "index"):
            self._progress.update(self._task, completed=what.index)  # type: ignore[union-attr]
        else:
            self._progress.update(self._task, figures=figures(what.metrics))  # type: ignore[union-attr]


def figures(metrics: dict[str, float]) -> str:
    """Metrics in one line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
