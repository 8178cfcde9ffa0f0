"""Output of `run` and `resume`: progress, evaluations, and the line at the end."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from labrig.cli.detached import keep_short
from labrig.cli.elapsed import wall_s
from labrig.json_text import json_text

if TYPE_CHECKING:
    from labrig.assembly import Assembly
    from labrig.cli.progress import Progress
    from labrig.interrupts import Interrupts
    from labrig.procedures.auto import Chosen
    from labrig.procedures.run_result import RunResult
    from labrig.runs.folder import RunFolder
    from labrig.runs.journal import Evaluation, Step

VERDICT_FAILED = 7
INTERRUPTED = 130

EVERY = 100
"""Number of steps between checks of the length of the output."""


class Output:
    """The output of a run in progress, with hints on how to look at the run and continue it if it fails."""

    def __init__(self, arguments: argparse.Namespace, progress: Progress) -> None:
        self._arguments = arguments
        self._progress = progress
        self._folder: RunFolder | None = None
        self._steps = 0

    def __enter__(self) -> Output:
        self._progress.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        self._progress.__exit__(kind, error, trace)
        if not isinstance(error, Exception) or not self._steps or self._arguments.json:
            return
        if self._folder is not None and self._folder.path.is_dir():
            run = self._folder.path
            print(f"labrig: see the run so far with: labrig show {run} --plot", file=sys.stderr)
            print(f"labrig: after correcting the cause, continue with: labrig resume {run}", file=sys.stderr)

    def started(self, folder: RunFolder) -> None:
        """Print the folder of the run."""
        self._folder = folder
        emit(self._arguments, {"event": "started", "run": str(folder.path)})

    def chosen(self, values: Sequence[Chosen]) -> None:
        """Print the values that were chosen for `auto`, and why."""
        emit(self._arguments, {"event": "chosen", "values": [asdict(each) for each in values]})
        for each in values:
            print(f"labrig: {each.key}: {each.value} was chosen: {each.why}", file=sys.stderr)

    def ticking(self, stop: Callable[[], bool]) -> Callable[[], bool]:
        """Wrap `stop`, which is called before every step and every example, so that a call also ticks the progress."""

        def ask() -> bool:
            self._progress.tick()
            return stop()

        return ask

    def report(self, what: Step | Evaluation) -> None:
        """Show a completed step or evaluation."""
        from labrig.runs.journal import Evaluation

        self._progress.advance(what)
        if isinstance(what, Evaluation):
            line = {"event": "evaluation", "epoch": what.epoch, "step": what.step, "metrics": what.metrics}
            emit(self._arguments, line)
        else:
            self._steps = what.index
        if self._folder is not None and (isinstance(what, Evaluation) or self._steps % EVERY == 0):
            keep_short(self._folder.path)


def recorded(arguments: argparse.Namespace, assembly: Assembly, interrupts: Interrupts) -> RunResult:
    """Train as configured in a new run folder, and print the progress."""
    from labrig.cli.opened import opened
    from labrig.cli.progress import progress_of
    from labrig.procedures.train import train

    with Output(arguments, progress_of(assembly)) as output:
        return train(
            assembly,
            runs_dir=arguments.runs_dir,
            run_dir=arguments.run_dir,
            plots=not arguments.no_plots,
            started=output.started,
            chosen=output.chosen,
            report=output.report,
            stop=output.ticking(interrupts.requested),
            opened=lambda rig: opened(rig, interrupts),
        )


def end(arguments: argparse.Namespace, result: RunResult) -> int:
    """Print how a run ended; returns 0, 7 if a target was missed, or 130 if it was interrupted."""
    from labrig.runs.plots import reasons

    if result.left_out:
        print(f"labrig: pictures not drawn: {reasons(result.left_out)}", file=sys.stderr)
    emit(arguments, result.to_json() | wall() | ({"resumed": True} if result.resumed else {}))
    if result.state == "interrupted":
        return INTERRUPTED
    if result.twin is not None:
        print(f"labrig: {_twin(result.twin)}", file=sys.stderr)
    if result.not_judged:
        print(f"labrig: the score was not judged: {result.not_judged}", file=sys.stderr)
    if result.judgement is not None and result.judgement.score_differs:
        print(f"labrig: the score differs: {result.judgement.message}", file=sys.stderr)
    for line in result.missed:
        print(f"labrig: target missed: {line}", file=sys.stderr)
    if result.missed:
        config = result.path / "config.resolved.yaml"
        print(f"labrig: to test whether any conductances reach it: labrig feasible {config}", file=sys.stderr)
    return VERDICT_FAILED if result.missed else 0


def emit_table(arguments: argparse.Namespace, results: Sequence[tuple[int | None, RunResult]]) -> None:
    """Print the figures of the runs with each seed, and their mean, smallest and largest value."""
    runs = [{"seed": seed, "run": str(result.path), "metrics": result.metrics} for seed, result in results]
    names = list(dict.fromkeys(name for run in runs for name in run["metrics"]))
    columns = {name: [run["metrics"][name] for run in runs if name in run["metrics"]] for name in names}
    summary = {
        name: {"mean": sum(values) / len(values), "least": min(values), "largest": max(values)}
        for name, values in columns.items()
    }
    line: dict[str, Any] = {"event": "seeds", "runs": runs, "metrics": summary}
    if not arguments.json:
        from labrig.cli.tables import table

        rows = [
            [str(run["seed"]), *(f"{run['metrics'].get(name, float('nan')):.5g}" for name in names), run["run"]]
            for run in runs
        ]
        for key in ("mean", "least", "largest") if runs else ():
            rows.append([key, *(_figure(summary[name][key]) for name in names), ""])
        line = {"event": "seeds", "text": table(["seed", *names, "run"], rows)}
    emit(arguments, line)


def _twin(found: dict[str, Any]) -> str:
    """Return the findings of the twin in one line."""
    from labrig.quantities import format_quantity

    apart = format_quantity(float(f"{found['misfit_a_v']:.3g}"), "voltage")
    return f"twin: {found['verdict']}; last step: a {apart}, b {100 * found['misfit_b']:.3g} % apart (rms)"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.5g}"


def wall() -> dict[str, float]:
    """Return the time since the process started, as an entry of a JSON object."""
    return {"wall_s": round(wall_s(), 3)}


def emit(arguments: argparse.Namespace, line: dict[str, Any]) -> None:
    """Print a line on stdout. A closed pipe or a full disk does not stop the experiment."""
    try:
        _print(arguments, line)
    except OSError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process


def _print(arguments: argparse.Namespace, line: dict[str, Any]) -> None:
    if arguments.json:
        print(json_text(line), flush=True)
    elif "text" in line:
        print(line["text"], flush=True)
    elif "message" in line:
        print(f"{line['event']}; {line['message']}", flush=True)
    elif line["event"] in ("finished", "interrupted"):
        from labrig.cli.tables import outcome_text

        print(outcome_text(line), flush=True)
