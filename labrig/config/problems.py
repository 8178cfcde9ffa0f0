"""Problems of a configuration, reported together, each with its place, its source line and a caret."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from labrig.errors import ConfigError

TreePath = tuple[str | int, ...]
"""A place in the tree: keys and list indices from the root."""

LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # the line breaks of PyYAML; str.splitlines has more
_WIDEST_LINE = 120
_KEPT_BEFORE_CARET = 70


@dataclass(frozen=True, order=True)
class Mark:
    """A place in a text: file name as shown to the user, line and column (from 1)."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """One problem: its place in the text (None if it has none), its path in the tree, and a message."""

    mark: Mark | None
    path: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (str(self.mark or ""), self.path, self.message) if part)

    def to_json(self) -> dict[str, Any]:
        """Return the problem as plain values; file, line and column are None without a mark."""
        mark = self.mark
        place = {"file": mark.file, "line": mark.line, "column": mark.column} if mark else {}
        return {"file": None, "line": None, "column": None, **place, "path": self.path, "message": self.message}


class ConfigProblems(ConfigError):
    """A configuration has problems; the text shows each with its source line, and ends with the number of problems."""

    def __init__(self, problems: Sequence[Problem], rendering: str) -> None:
        super().__init__(rendering)
        self.problems = tuple(problems)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the problems as plain values: file, line, column, path, message."""
        return [problem.to_json() for problem in self.problems]


class Problems:
    """Collects problems, and the texts that they refer to, so that the source lines can be shown."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}  # ordered; a file that is read twice reports once
        self._places: set[tuple[Mark | None, str]] = set()
        self._lines: dict[str, list[str]] = {}
        self._notes: list[str] = []

    def add(self, mark: Mark | None, path: TreePath | str, message: str) -> None:
        """Add a problem; an identical one is added only once."""
        problem = Problem(mark, path if isinstance(path, str) else render_path(path), message)
        self._problems[problem] = None
        self._places.add((mark, problem.path))

    def note(self, text: str) -> None:
        """Add a line to show after the problems, e.g. what was not checked because of them."""
        self._notes.append(text)

    def add_source(self, file: str, text: str) -> None:
        """Store the text of a file, so that problems can be shown with their source lines."""
        self._lines[file] = LINE_BREAK.split(text)

    def holds(self, mark: Mark | None, path: TreePath) -> bool:
        """Return whether there is already a problem at this mark and path."""
        return (mark, render_path(path)) in self._places

    def under(self, path: TreePath) -> list[Problem]:
        """Return the problems at this path of the tree or below it."""
        start = render_path(path)
        return [
            problem
            for problem in self
            if not start or problem.path == start or problem.path.startswith((f"{start}.", f"{start}["))
        ]

    def __iter__(self) -> Iterator[Problem]:
        """Iterate by file, line and column; problems without a mark come last."""
        return iter(sorted(self._problems, key=lambda problem: (problem.mark is None, problem.mark or Mark("", 0, 0))))

    def __len__(self) -> int:
        return len(self._problems)

    def render(self) -> str:
        """Return every problem with its source line and a caret, grouped by place, then the notes and the count."""
        lines: list[str] = []
        for mark, problems in groupby(self, key=lambda problem: problem.mark):
            lines += [_visible(str(problem).replace("\n", " ")) for problem in problems]
            lines += _source(mark, self._lines)
        return "\n".join([*lines, *self._notes, f"{len(self)} problem{'' if len(self) == 1 else 's'}"])

    def to_json(self) -> list[dict[str, Any]]:
        """Return the problems as plain values: file, line, column, path, message."""
        return [problem.to_json() for problem in self]

    def raise_if_any(self) -> None:
        """Raise ConfigProblems with all problems if there is at least one."""
        if self._problems:
            raise ConfigProblems(list(self), self.render())


def render_path(path: TreePath) -> str:
    """Write a path as text: ('network', 'edges', 3, 'from') → 'network.edges[3].from'."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _source(mark: Mark | None, lines: dict[str, list[str]]) -> list[str]:
    """Return the source line of a mark with a caret below it, if the text is known."""
    source = lines.get(mark.file, []) if mark else []
    if mark is None or not 1 <= mark.line <= len(source):
        return []
    whole, caret = source[mark.line - 1], mark.column - 1
    cut = max(0, caret - _KEPT_BEFORE_CARET) if len(whole) > _WIDEST_LINE else 0
    # Only as much as is shown: a line of a megabyte may have thousands of problems.
    line = _visible(whole[cut : cut + _WIDEST_LINE + 1].replace("\t", " "))
    if cut:
        line, caret = f"…{line}", caret - cut + 1
    if len(line) > _WIDEST_LINE:
        line = f"{line[:_WIDEST_LINE]}…"
    padding = sum(_display_width(character) for character in line[:caret]) + max(caret - len(line), 0)
    return [f"    {line.rstrip()}", f"    {' ' * padding}^"]


def _visible(text: str) -> str:
    """Replace non-printable characters, which could control the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _display_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
