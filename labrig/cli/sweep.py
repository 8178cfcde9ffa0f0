"""sweep: train a configuration over values of its keys and seeds, on simulated benches, in parallel."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrig.cli.options import add_runs_dir, named, positive
from labrig.cli.run_output import INTERRUPTED, emit, wall

if TYPE_CHECKING:
    from labrig.procedures.sweep.procedure import Trained
    from labrig.procedures.sweep.trial import Outcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("sweep", type=named, metavar="SWEEP.yaml", help="configuration, grid and seeds")
    add_runs_dir(parser)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--scheduler", type=named, metavar="ADDRESS", help="running dask scheduler: tcp://host:8786")
    where.add_argument("--jobs", type=positive, metavar="N", help="local workers (default: one per core)")
    parser.add_argument("--plots", action="store_true", help="also write the PNGs of every trial")


def execute(arguments: argparse.Namespace) -> int:
    """Run the trials and print their table.

    Returns the exit code of the first trial that failed; if none did, 7 if a trial missed its target, else 0.
    """
    from labrig.interrupts import Interrupts
    from labrig.procedures.sweep.procedure import require_distributed, run_sweep, sweep_folder
    from labrig.procedures.sweep.sweep_file import read_sweep

    sweep = read_sweep(Path(arguments.sweep))
    require_distributed()  # before anything is printed or written
    for warning in sweep.warnings:
        print(f"labrig: warning: {warning}", file=sys.stderr)
    folder, total = sweep_folder(sweep, arguments.runs_dir), len(sweep.trials)
    emit(arguments, {"event": "started", "sweep": str(folder), "trials": total, "message": f"{total} trials: {folder}"})

    def report(name: str, outcome: Outcome, done: int) -> None:
        if arguments.json:
            emit(arguments, {"event": "trial", "trial": name, "done": done, "trials": total, **outcome})
        else:
            why = f": {outcome['reason']}" if outcome["reason"] else ""
            print(f"{done} of {total}  {name}{why}", file=sys.stderr)

    try:
        with Interrupts(immediate=True):
            done = run_sweep(
                sweep,
                arguments.runs_dir,
                scheduler=arguments.scheduler,
                jobs=arguments.jobs,
                plots=arguments.plots,
                report=report,
            )
    except KeyboardInterrupt:
        again = f"{folder}; continue with the same command"
        emit(arguments, {"event": "interrupted", "sweep": str(folder), "message": again} | wall())
        return INTERRUPTED
    if done.not_drawn:
        print(f"labrig: picture not drawn: {done.not_drawn}", file=sys.stderr)
    emit(arguments, _line(arguments.json, done))
    return done.code


def _line(as_json: bool, done: Trained) -> dict[str, Any]:
    from labrig.runs.sweeps import TABLE

    table = done.table
    files = [str(table.folder / TABLE), *([str(done.picture)] if done.picture else [])]
    if as_json:
        rows = [{name: row.get(name) for name in table.columns} for row in table.rows]
        line = {"event": "sweep", "sweep": str(table.folder), "files": files, "exit_code": done.code}
        return {**line, "means": table.means(), "rows": rows} | wall()
    from labrig.cli.tables import table as as_text

    shown = [name for name in table.figures if not name.startswith("judge_")]
    rows = []
    for row in table.means():
        values = [str(row[key]) for key in table.keys]
        rows.append([*values, f"{row['finished']} of {row['trials']}", *(_figure(row[name]) for name in shown)])
    text = as_text([*table.keys, "finished", *shown], rows)
    return {"event": "sweep", "text": "\n".join([text, *(f"  {path}" for path in files)])}


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.5g}"
