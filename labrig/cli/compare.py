"""compare: show how runs differ, their figures side by side, and whether the figures may be compared."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrig.cli.options import add_runs_dir, folder_named
from labrig.json_text import json_text

if TYPE_CHECKING:
    from labrig.procedures.compare import Comparison

MOST_SHOWN = 20
"""Largest number of differing keys shown."""

WIDEST = 70
"""Largest number of characters shown of a value."""

DIGITS = 12
"""Number of characters shown of a hash."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", type=folder_named, help="folders of runs, or their names in --runs-dir"
    )
    add_runs_dir(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the comparison."""
    from labrig.errors import UsageError
    from labrig.procedures.compare import compare
    from labrig.runs.folder import find_run

    if len(arguments.runs) < 2:
        raise UsageError("one run cannot be compared", remedy="name at least two runs")
    found = compare([find_run(run, arguments.runs_dir) for run in arguments.runs])
    print(json_text({"event": "comparison", **found.to_json()}) if arguments.json else _text(found))
    return 0


def _text(found: Comparison) -> str:
    from labrig.cli.tables import table
    from labrig.procedures.compare import NETWORK

    rows = [
        ("state", *found.states),
        ("seed", *map(str, found.seeds)),
        ("steps", *map(str, found.steps)),
        *((name, *map(_value, values)) for name, values in found.figures.items()),
    ]
    lines = [table(("", *(Path(run).name for run in found.runs)), rows), ""]
    if found.comparable:
        lines.append("comparable: the cards are the same")
    if found.unfinished:
        lines.append(f"NOT comparable: these runs are not complete: {', '.join(found.unfinished)}")
    if found.learning_alone:
        lines += [
            "the same task, board and bench. The figures show what these settings do, apart from chance:",
            "",
            _differing(found.runs, found.differs),
        ]
    elif found.differs:
        lines += ["NOT comparable: the cards differ in", "", _differing(found.runs, found.differs)]
    if found.networks:
        lines += ["", "the networks differ because of these settings:", "", _differing(found.runs, found.networks)]
    elif NETWORK in found.differs:
        lines += ["", "the settings of the networks are the same, so a file named in them has changed"]
    return "\n".join(lines)


def _differing(runs: Sequence[str], values: Mapping[str, Sequence[Any]]) -> str:
    from labrig.cli.tables import table
    from labrig.runs.units import counted

    shown = [
        (key, *(_value(value, DIGITS if key.endswith("sha256") else WIDEST) for value in each))
        for key, each in list(values.items())[:MOST_SHOWN]
    ]
    more = len(values) - len(shown)
    found = table(("key", *(Path(run).name for run in runs)), shown)
    return f"{found}\nand {counted(more, 'more key')} (--json has all)" if more > 0 else found


def _value(value: Any, widest: int = WIDEST) -> str:
    if value is None:
        return "–"
    text = format(value, ".6g") if isinstance(value, float) else str(value)
    return text if len(text) <= widest else f"{text[: widest - 1]}…"
