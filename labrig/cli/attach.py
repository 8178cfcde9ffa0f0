"""attach: follow a run that began with --detach; Ctrl-C leaves it alone, `labrig abort` stops it."""

from __future__ import annotations

import argparse
import sys

from labrig.cli.options import add_run
from labrig.cli.run_output import INTERRUPTED, VERDICT_FAILED, emit

FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_run(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the output of the run, past and new; returns the exit code of the run, or 0 after Ctrl-C."""
    import json

    from labrig.cli.detached import follow
    from labrig.runs.folder import find_run
    from labrig.runs.lock import is_being_written

    folder = find_run(arguments.run, arguments.runs_dir)

    def show(line: str) -> None:
        try:
            emit(arguments, json.loads(line))
        except ValueError:
            print(line, file=sys.stderr, flush=True)

    try:
        last = follow(folder.path, lambda: is_being_written(folder.journal), show)
    except KeyboardInterrupt:
        return 0
    if last.get("event") == "error":
        return int(last.get("exit_code", FAILED))
    if last.get("event") == "interrupted":
        return INTERRUPTED
    if last.get("event") != "finished":
        return FAILED
    return VERDICT_FAILED if last.get("missed") else 0
