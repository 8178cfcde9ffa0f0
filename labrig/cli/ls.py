"""ls: list runs, oldest first, with their final states."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

from labrig.cli.options import DEFAULT_RUNS_DIR, add_runs_dir
from labrig.errors import UsageError
from labrig.json_text import json_text

LEAST_FIGURES = 30
"""Smallest width (characters) at which the figures of a run are shown beside its name."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_runs_dir(parser)
    parser.add_argument("--tag", metavar="T", help="only runs with this tag")


def execute(arguments: argparse.Namespace) -> int:
    """Print a table of runs; returns the exit code."""
    from labrig.runs.summary import summaries

    if arguments.runs_dir != DEFAULT_RUNS_DIR and not arguments.runs_dir.is_dir():
        raise UsageError(f"there is no folder {str(arguments.runs_dir)!r}", remedy="correct --runs-dir")
    runs = summaries(arguments.runs_dir)
    if arguments.tag is not None:
        runs = [run for run in runs if arguments.tag in run["tags"]]
    if arguments.json:
        print(json_text({"event": "runs", "runs": runs}))
        return 0
    if not runs:
        print(f"no runs in {arguments.runs_dir}" + (f" with the tag {arguments.tag}" if arguments.tag else ""))
        return 0
    rows = [
        (
            run["run"],
            run["state"],
            "–" if run["steps"] is None else str(run["steps"]),
            "; ".join(part for part in (_figures(run), run["reason"], _tags(run)) if part),
        )
        for run in runs
    ]
    print(_fitted(rows, _width()))
    return 0


def _fitted(rows: Sequence[Sequence[str]], width: int | None) -> str:
    """Return a table no wider than the terminal; below long names, the figures have their own lines."""
    from labrig.cli.tables import table

    header = ("run", "state", "steps", "figures")
    first = [max(len(row[k]) for row in [header, *rows]) for k in range(3)]
    if width is None or sum(first) + 2 * 3 + LEAST_FIGURES <= width:
        return table(header, rows, width)
    lines = table(header[:3], [row[:3] for row in rows]).splitlines()
    below = [textwrap.wrap(row[3], width - 4, initial_indent="    ", subsequent_indent="    ") for row in rows]
    return "\n".join([*lines[:2], *(line for row, more in zip(lines[2:], below, strict=True) for line in (row, *more))])


def _figures(run: dict[str, Any]) -> str:
    """Return the figures of a run, with the step after which they were measured if it was not the last."""
    from labrig.cli.tables import figures

    after = run["measured_after"]
    if not run["metrics"] or after == run["steps"]:
        return figures(run["metrics"])
    return f"{f'after step {after}' if after else 'before training'}: {figures(run['metrics'])}"


def _tags(run: dict[str, Any]) -> str:
    return " ".join(f"#{tag}" for tag in run["tags"])


def _width() -> int | None:
    """Return the width of the terminal; None if the table goes to a file or another program."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
