"""resume: continue a run that was stopped or killed, or train a finished one further."""

from __future__ import annotations

import argparse
import sys

from labrig.cli.options import add_run, count, print_warnings
from labrig.cli.run_output import INTERRUPTED, VERDICT_FAILED, Output, emit, end, wall


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_run(parser)
    parser.add_argument("--epochs", type=count, metavar="N", help="total number of epochs to train")
    parser.add_argument(
        "--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE",
        help="change an address, or how faults are treated, e.g. instruments.pots.port=/dev/ttyUSB1",
    )  # fmt: skip
    parser.add_argument("--no-plots", action="store_true", help="do not write PNGs at the end")


def execute(arguments: argparse.Namespace) -> int:
    """Continue the run and print the result; returns 0, 7 if a target was missed, or 130 if interrupted."""
    from labrig.cli.opened import opened
    from labrig.cli.progress import progress_of
    from labrig.interrupts import Interrupts
    from labrig.procedures.resume import Resumable
    from labrig.runs.folder import find_run

    with Interrupts() as interrupts:
        try:
            folder = find_run(arguments.run, arguments.runs_dir)
            run = Resumable(folder, arguments.epochs, arguments.overrides)
            if run.finished is not None:
                emit(arguments, run.finished | {"run": str(folder.path)})
                print("labrig: the run was finished already; --epochs N trains it further", file=sys.stderr)
                return VERDICT_FAILED if run.finished.get("missed") else 0
            print_warnings(run.assembly, of_run=True)
            with Output(arguments, progress_of(run.assembly)) as output:
                output.started(folder)
                result = run.resume(
                    plots=not arguments.no_plots,
                    report=output.report,
                    stop=output.ticking(interrupts.requested),
                    opened=lambda rig: opened(rig, interrupts),
                )
        except KeyboardInterrupt:  # before any instrument was open
            emit(arguments, {"event": "interrupted", "message": "the run was not resumed"} | wall())
            return INTERRUPTED
        return end(arguments, result)
