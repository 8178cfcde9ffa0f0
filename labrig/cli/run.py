"""run: train a board as configured and record every step."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from labrig.cli.options import add_config, add_runs_dir, assembled, folder_named
from labrig.cli.run_output import INTERRUPTED, emit, emit_table, end, recorded, wall
from labrig.errors import UsageError

if TYPE_CHECKING:
    from labrig.interrupts import Interrupts
    from labrig.procedures.run_result import RunResult

NOT_STARTED = {"event": "interrupted", "message": "the run had not started"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_config(parser, several_seeds=True)
    where = parser.add_mutually_exclusive_group()
    add_runs_dir(where)
    where.add_argument(
        "--run-dir", type=folder_named, metavar="PATH", help="folder of this run itself; must not exist yet"
    )
    parser.add_argument("--no-plots", action="store_true", help="do not write PNGs at the end")
    parser.add_argument("--dashboard", action="store_true", help="show the run in the browser until it ends")
    parser.add_argument("--detach", action="store_true", help="continue without this terminal; see `labrig attach`")


def execute(arguments: argparse.Namespace) -> int:
    """Train and print the result; returns 0, 7 if a target was missed, or 130 if interrupted."""
    from labrig.interrupts import Interrupts

    if arguments.detach:
        return _detached(arguments)
    seeds: range | None = arguments.seed
    if seeds is not None and len(seeds) > 1 and arguments.run_dir is not None:
        raise UsageError("--run-dir is the folder of one run, but there are several seeds", remedy="use --runs-dir")
    if arguments.dashboard:
        from labrig.cli.dashboard import beside

        arguments.dashboard = False
        with beside(arguments.run_dir.parent if arguments.run_dir is not None else arguments.runs_dir):
            return execute(arguments)
    results: list[tuple[int | None, RunResult]] = []
    code = 0
    for arguments.seed in [None] if seeds is None else seeds:
        with Interrupts() as interrupts:
            try:
                result = _trained(arguments, interrupts)
            except KeyboardInterrupt:  # before the run folder existed and any instrument was open
                emit(arguments, NOT_STARTED | wall())
                code = INTERRUPTED
                break
            code = max(code, end(arguments, result))
            if result.state == "interrupted":
                break
            results.append((arguments.seed, result))
    if seeds is not None and len(seeds) > 1:
        emit_table(arguments, results)
    return code


def _detached(arguments: argparse.Namespace) -> int:
    from labrig.cli.detached import detach

    if arguments.dashboard:
        raise UsageError(
            "--dashboard lasts only as long as this command, and with --detach this command ends at once",
            remedy="leave --dashboard out, and watch the run with: labrig dashboard",
        )
    if arguments.seed is not None and len(arguments.seed) > 1:
        raise UsageError("--detach starts a single run", remedy="give one seed")
    assembled(arguments, warn=False)  # so that mistakes are shown here
    command = [each for each in arguments.given if each not in ("--detach", "--json")]
    line = detach(command, arguments.runs_dir)
    more = {"message": f"{line['run']}; follow it with: labrig attach {line['run']}"}
    emit(arguments, line if arguments.json else line | more)
    return 0


def _trained(arguments: argparse.Namespace, interrupts: Interrupts) -> RunResult:
    assembly = assembled(arguments)
    return recorded(arguments, assembly, interrupts)
