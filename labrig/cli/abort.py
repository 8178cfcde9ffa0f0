"""abort: stop a run, or a program that uses instruments, and make its instruments safe."""

from __future__ import annotations

import argparse
import sys

from labrig.cli.options import add_runs_dir, named
from labrig.json_text import json_text

NOT_REACHED = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument(
        "run", type=named, metavar="RUN", help="folder or name of a run, or the process that `labrig safe` names"
    )
    add_runs_dir(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Stop the program and print how it ended; returns 0, or 4 if it still runs or an instrument is not safe."""
    from labrig.cli.safe import lines, printable
    from labrig.procedures.safe import abort

    ended = abort(arguments.run, arguments.runs_dir, lambda text: print(f"labrig: {text}", file=sys.stderr, flush=True))
    reports = [report.to_json() for report in ended.instruments]
    if arguments.json:
        how = {"what": ended.what, "process": ended.pid, "how": ended.how}
        left = {"made_safe_by_watchdog": ended.by_watchdog, "instruments": reports}
        print(json_text({"event": "abort", **how, **left}))
    else:
        process = "" if ended.pid is None else f" (process {ended.pid})"
        text = [f"{ended.what}: {ended.how}{process}"]
        if ended.by_watchdog:
            text.append(f"made safe by its watchdog: {printable(', '.join(ended.by_watchdog))}")
        print("\n".join([*text, *(lines(ended.instruments) if reports else [])]))
    unsafe = any(report.state == "not safe" for report in ended.instruments)
    return NOT_REACHED if unsafe or ended.how == "still runs" else 0
