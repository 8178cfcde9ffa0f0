"""evaluate: score the trained conductances of a run on its own board or another one, or with new data."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from labrig.cli.options import add_overrides, add_run, folder_named, overrides, print_warnings
from labrig.cli.run import NOT_STARTED
from labrig.cli.run_output import INTERRUPTED, emit, end, recorded, wall

if TYPE_CHECKING:
    from labrig.assembly import Assembly
    from labrig.interrupts import Interrupts
    from labrig.procedures.run_result import RunResult


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_run(parser)
    parser.add_argument("--config", type=folder_named, metavar="OTHER", help="another board with the same network")
    parser.add_argument("--data", type=folder_named, metavar="FILE", help="CSV file that replaces the task's data file")
    add_overrides(parser)
    parser.add_argument(
        "--run-dir", type=folder_named, metavar="PATH", help="folder of the new run; must not exist yet"
    )
    parser.add_argument("--no-plots", action="store_true", help="do not write PNGs at the end")


def execute(arguments: argparse.Namespace) -> int:
    """Record an evaluation as a run without steps; returns 0, 7 if a target was missed, or 130 if interrupted."""
    from labrig.interrupts import Interrupts

    with Interrupts() as interrupts:
        try:
            result = _scored(arguments, interrupts)
        except KeyboardInterrupt:
            emit(arguments, NOT_STARTED | wall())
            return INTERRUPTED
        return end(arguments, result)


def _scored(arguments: argparse.Namespace, interrupts: Interrupts) -> RunResult:
    from labrig.procedures.trained_board import trained_board
    from labrig.runs.folder import find_run
    from labrig.runs.summary import summarize

    folder = find_run(arguments.run, arguments.runs_dir)
    changed = overrides(arguments)
    assembly = trained_board(folder, arguments.config, changed, data=arguments.data, scored=True)
    print_warnings(assembly, of_run=True)
    if assembly.trained is not None and summarize(folder)["state"] == "running":
        print(
            f"labrig: the run is still going on; scored as it was after step {assembly.trained.step}", file=sys.stderr
        )
    if arguments.data is not None:
        print(f"labrig: {_counted(assembly, arguments.data.name)}", file=sys.stderr)
    return recorded(arguments, assembly, interrupts)


def _counted(assembly: Assembly, file: str) -> str:
    """Return a sentence about the number of examples of a file that are scored."""
    task = assembly.task
    train, test, total = len(task.train), len(task.test), len(task.activation)
    count = f"all {total}" if train + test == total else f"{train + test} of {total}"
    parts = f": {train} as training set, {test} as test set" if train else " as test set"
    return f"{count} examples of {file} are scored{parts}"
