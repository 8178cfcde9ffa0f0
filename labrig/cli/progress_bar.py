"""The line of a run on a terminal: name, bar, step, time left and, as far as there is room, the latest figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text
from typing_extensions import override

WIDEST_BAR, NARROWEST_BAR = 40, 4
"""Smallest and largest width of the bar (characters), which is an eighth of the terminal's width in between."""
NO_ESTIMATE = "-:--:--"


class ProgressBar:
    """A line at the bottom of the terminal, deleted at the end. Only step and time left are always shown in full.

    Parameters
    ----------
    file : text file
        The terminal.
    name : str
        Name of the run.
    steps : int
        Total number of steps.
    """

    def __init__(self, file: TextIO, name: str, steps: int) -> None:
        console = Console(file=file)
        whole = Column(no_wrap=True)  # rich takes room first from columns that may wrap
        self._progress = Progress(
            _Shortened("name"),
            BarColumn(bar_width=max(NARROWEST_BAR, min(WIDEST_BAR, console.width // 8)), table_column=whole),
            MofNCompleteColumn(table_column=whole),
            TextColumn("{task.fields[left]}", table_column=whole),
            _Shortened("figures"),
            console=console,
            transient=True,
        )
        self._task: Any = self._progress.add_task("", total=steps, name=[name], left=NO_ESTIMATE, figures=[])

    def start(self) -> None:
        """Show the line."""
        self._progress.start()

    def stop(self) -> None:
        """Delete the line."""
        self._progress.stop()

    def show(self, figures: Sequence[str], done: int | None = None, left_s: float | None = None) -> None:
        """Show as many parts of the figures as there is room for; if given, also the step and the time left (s)."""
        if left_s is not None:
            self._progress.update(self._task, left=f"{_clock(left_s)} left")
        self._progress.update(self._task, completed=done, figures=list(figures))


class _Shortened(ProgressColumn):
    """Shows as many parts of a field of the task as there is room for; cuts a part only if it is the only one."""

    def __init__(self, field: str) -> None:
        super().__init__()
        self._field = field

    @override
    def render(self, task: Task) -> _Parts:
        return _Parts(task.fields[self._field])


class _Parts:
    """Parts of a text; the last ones are dropped if there is no room for all."""

    def __init__(self, parts: Sequence[str]) -> None:
        self._parts = parts

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(0, Text("".join(self._parts)).cell_len).with_maximum(options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        fitting = (text for text in self._candidates() if text.cell_len <= options.max_width)
        only = Text(self._parts[0], no_wrap=True, overflow="ellipsis") if len(self._parts) == 1 else Text()
        yield next(fitting, only)

    def _candidates(self) -> Iterator[Text]:
        for count in range(len(self._parts), 0, -1):
            yield Text("".join(self._parts[:count]), no_wrap=True)


def _clock(duration_s: float) -> str:
    minutes, seconds = divmod(round(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
