"""compare: show how runs differ, their figures side by side, and whether the figures may be compared."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrig.cli.options import add_runs_dir, folder_named
from labrig.json_text import json_text

if TYPE_CHECKING:
    from labrig.procedures.compare import Comparison


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
    if found.differs:
        lines += ["NOT comparable: the cards differ in", ""]
        differing = [(key, *map(_value, values)) for key, values in found.differs.items()]
        lines.append(table(("key", *(Path(run).name for run in found.runs)), differing))
    return "\n".join(lines)


def _value(value: Any) -> str:
    if value is None:
        return "–"
    return format(value, ".6g") if isinstance(value, float) else str(value)
