"""run: train a board as a configuration says, and record every step."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from labrig.cli.elapsed import wall_s
from labrig.cli.options import add_config, add_runs_dir, assembled, folder_named

if TYPE_CHECKING:
    from labrig.cli.progress import Progress
    from labrig.interrupts import Interrupts
    from labrig.procedures.train import RunResult
    from labrig.runs.folder import RunFolder
    from labrig.runs.journal import Evaluation, Step

VERDICT_FAILED = 7
INTERRUPTED = 130
NOTHING_BEGUN = {"event": "interrupted", "message": "nothing was begun"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    where = parser.add_mutually_exclusive_group()
    add_runs_dir(where)
    where.add_argument("--run-dir", type=folder_named, metavar="PATH", help="exact folder of this run; must not exist")
    parser.add_argument("--no-plots", action="store_true", help="write no PNGs at the end")


def execute(arguments: argparse.Namespace) -> int:
    from labrig.interrupts import Interrupts

    with Interrupts() as interrupts:
        try:
            result = _trained(arguments, interrupts)
        except KeyboardInterrupt:  # before there was a folder, let alone anything to make safe
            _say(arguments, NOTHING_BEGUN | _wall())
            return INTERRUPTED
        return _end(arguments, result)


def _trained(arguments: argparse.Namespace, interrupts: Interrupts) -> RunResult:
    from labrig.cli.opened import opened
    from labrig.cli.progress import progress_of
    from labrig.procedures.train import train

    assembly = assembled(arguments)
    with _Said(arguments, progress_of(assembly)) as said:
        return train(
            assembly,
            runs_dir=arguments.runs_dir,
            run_dir=arguments.run_dir,
            plots=not arguments.no_plots,
            begun=said.begun,
            report=said.report,
            stop=interrupts.requested,
            opened=lambda rig: opened(rig, interrupts),
        )


class _Said:
    """What is said of a run while it goes on, and where to look if it fails."""

    def __init__(self, arguments: argparse.Namespace, progress: Progress) -> None:
        self._arguments = arguments
        self._progress = progress
        self._folder: RunFolder | None = None
        self._steps = 0

    def __enter__(self) -> _Said:
        self._progress.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        self._progress.__exit__(kind, error, trace)
        if isinstance(error, Exception) and self._steps and self._folder and not self._arguments.json:
            print(f"labrig: the run so far: labrig show {self._folder.path} --plot", file=sys.stderr)

    def begun(self, folder: RunFolder) -> None:
        self._folder = folder
        _say(self._arguments, {"event": "started", "run": str(folder.path)})

    def report(self, what: Step | Evaluation) -> None:
        from labrig.runs.journal import Evaluation

        self._progress.advance(what)
        if isinstance(what, Evaluation):
            line = {"event": "evaluation", "epoch": what.epoch, "step": what.step, "metrics": what.metrics}
            _say(self._arguments, line)
        else:
            self._steps = what.index


def _end(arguments: argparse.Namespace, result: RunResult) -> int:
    from labrig.runs.plots import complaint

    if result.left_out:
        print(f"labrig: pictures were left out: {complaint(result.left_out)}", file=sys.stderr)
    _say(arguments, result.to_json() | _wall())
    if result.state == "interrupted":
        return INTERRUPTED
    for line in result.missed:
        print(f"labrig: target missed: {line}", file=sys.stderr)
    return VERDICT_FAILED if result.missed else 0


def _wall() -> dict[str, float]:
    """Time since the process began."""
    return {"wall_s": round(wall_s(), 3)}


def _say(arguments: argparse.Namespace, line: dict[str, Any]) -> None:
    """Say a line on stdout. A reader that has gone, or a full disk behind it, is no reason to end an experiment."""
    try:
        _print(arguments, line)
    except OSError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process


def _print(arguments: argparse.Namespace, line: dict[str, Any]) -> None:
    if arguments.json:
        print(json.dumps(line), flush=True)
    elif "message" in line:
        print(f"{line['event']}; {line['message']}", flush=True)
    elif line["event"] in ("finished", "interrupted"):
        from labrig.cli.tables import outcome_text

        print(outcome_text(line), flush=True)
