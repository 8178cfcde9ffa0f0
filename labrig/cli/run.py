"""run: train a board as a configuration says, and record every step."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from labrig.cli.elapsed import wall_s
from labrig.cli.options import add_config, add_runs_dir, assembled, folder_named

if TYPE_CHECKING:
    from labrig.assembly import Assembly, Setup
    from labrig.cli.interrupts import Interrupts
    from labrig.cli.progress import Progress
    from labrig.experiment import Experiment
    from labrig.runs.folder import RunFolder
    from labrig.runs.journal import Journal

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
    from labrig.cli.interrupts import Interrupts

    with Interrupts() as interrupts:
        run = None
        try:
            from labrig.cli.progress import progress_of
            from labrig.runs.folder import create_run_folder

            assembly = assembled(arguments)
            setup = assembly.setup()
            with closing(setup.bench):  # the rig does it too, once it was opened
                progress = progress_of(assembly)
                folder = create_run_folder(arguments.runs_dir, assembly.name, arguments.run_dir)
                run = _Run(arguments, assembly, setup, progress, folder, interrupts)
                return run.execute()
        except KeyboardInterrupt:  # before there was anything to make safe
            _say(arguments, run.outcome("interrupted") if run else NOTHING_BEGUN | {"wall_s": round(wall_s(), 3)})
            return INTERRUPTED


class _Run:
    """One run from the open rig to the last line."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        assembly: Assembly,
        setup: Setup,
        progress: Progress,
        folder: RunFolder,
        interrupts: Interrupts,
    ) -> None:
        self._arguments = arguments
        self._assembly = assembly
        self._setup = setup
        self._folder = folder
        self._interrupts = interrupts
        self._progress = progress
        self._experiment: Experiment | None = None
        self._began_s = setup.bench.clock.now()

    def execute(self) -> int:
        from labrig.runs.journal import Journal

        _say(self._arguments, {"event": "started", "run": str(self._folder.path)})
        with Journal(self._folder.journal, self._assembly.storage.durability) as journal:
            stopped = self._train(journal) or self._interrupts.requested()
            outcome = self.outcome("interrupted" if stopped else "finished", journal.steps)
            missed = self._assembly.choice.goals_missed(outcome["metrics"])
            if missed and not stopped:
                outcome["missed"] = list(missed)
            journal.event(outcome["steps"], outcome["event"], outcome)
        if not stopped and not self._arguments.no_plots:
            outcome |= self._draw()
        return self._end(outcome)

    def _draw(self) -> dict[str, Any]:
        """The plots. The run is over and recorded; Ctrl-C only leaves out what is not drawn yet."""
        from labrig.cli.plots import write_plots

        paths, left_out = write_plots(self._folder, self._interrupts.requested)
        return {"plots": [str(path) for path in paths]} | ({"plots_skipped": True} if left_out else {})

    def _train(self, journal: Journal) -> bool:
        """Train on the open rig; whether it was stopped at once. The rig is safe and closed afterwards."""
        from labrig.cli.opened import opened
        from labrig.errors import StorageError

        try:
            with opened(self._setup.rig, self._interrupts) as rig, self._progress:
                self._experiment = self._assembly.experiment(rig, journal)
                self._describe()
                self._experiment.run(self._interrupts.requested, self._report)
                if not self._interrupts.requested():
                    self._save_spectrum(self._experiment)
        except KeyboardInterrupt:
            return True
        except Exception as error:
            with suppress(StorageError, OSError):  # a full disk is what may have failed
                journal.event(journal.steps, "failed", _failure(error))
                if journal.steps and not self._arguments.json:
                    print(f"labrig: the run so far: labrig show {self._folder.path} --plot", file=sys.stderr)
            raise
        return False

    def _end(self, outcome: dict[str, Any]) -> int:
        _say(self._arguments, outcome)
        if outcome["event"] == "interrupted":
            return INTERRUPTED
        missed = outcome.get("missed", [])
        for line in missed:
            print(f"labrig: target missed: {line}", file=sys.stderr)
        return VERDICT_FAILED if missed else 0

    def outcome(self, event: str, steps: int = 0) -> dict[str, Any]:
        return _outcome(event, self._folder, self._experiment, steps, self._setup.bench.clock.now() - self._began_s)

    def _describe(self) -> None:
        """Everything about the run that is known before its first step."""
        from labrig.assembly.describe import describe
        from labrig.config.resolved import to_yaml
        from labrig.runs.folder import CONFIG, META

        self._folder.write_text(CONFIG, to_yaml(self._assembly.document))
        meta = describe(self._assembly, self._setup.rig)
        self._folder.write_text(META, json.dumps(meta, indent=1, ensure_ascii=False) + "\n")

    def _save_spectrum(self, experiment: Experiment) -> None:
        """One window with the error tone on, for the plot of its spectrum."""
        from labrig.runs.spectrum import save_spectrum

        volts = experiment.sample_with_error(int(experiment.task.train[0]))
        rig = experiment.rig
        save_spectrum(
            self._folder,
            volts,
            [wire.node for wire in rig.hookup.senses],
            rig.plan.sample_rate_hz,
            rig.tones.frequencies_hz,
        )

    def _report(self, what: Any) -> None:
        from labrig.runs.journal import Evaluation

        self._progress.advance(what)
        if isinstance(what, Evaluation):
            line = {"event": "evaluation", "epoch": what.epoch, "step": what.step, "metrics": what.metrics}
            _say(self._arguments, line)


def _failure(error: Exception) -> dict[str, Any]:
    """What the journal keeps: the error that came first, those beside it, and what could not be made safe."""
    from labrig.errors import separated

    def told(each: Exception) -> dict[str, Any]:
        return {"kind": type(each).__name__, "message": str(each), "device": getattr(each, "device", None)}

    wrong, not_safe = separated(error)
    first, *beside = [told(each) for each in wrong or not_safe]
    return {**first, "beside": beside if wrong else [], "not_made_safe": [told(each) for each in not_safe]}


def _outcome(
    event: str, folder: RunFolder, experiment: Experiment | None, steps: int, bench_s: float
) -> dict[str, Any]:
    """The last line of a run. steps: those in the journal."""
    return {
        "event": event,
        "run": str(folder.path),
        "metrics": experiment.metrics if experiment else {},
        "evaluated_at_step": experiment.evaluations[-1].step if experiment and experiment.evaluations else None,
        "steps": steps,
        "acquisitions": experiment.acquisitions if experiment else 0,
        "evaluation_acquisitions": experiment.evaluation_acquisitions if experiment else 0,
        "wall_s": round(wall_s(), 3),
        "bench_s": round(bench_s, 6),
    }


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
