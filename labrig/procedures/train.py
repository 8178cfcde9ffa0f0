"""Train a board and record every step: a run from an unopened rig to its pictures, without a command line.

Nothing is printed. Callbacks report the progress, and the result is a RunResult.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from labrig.assembly import Assembly, Setup
from labrig.assembly.describe import describe
from labrig.assembly.terminals import examples, terminals
from labrig.config.resolved import to_yaml
from labrig.errors import StorageError, reason, separated
from labrig.experiment import Experiment
from labrig.extensions import modules_beside
from labrig.json_text import json_text
from labrig.procedures.judge import Judgement, judge
from labrig.rig.rig import Rig
from labrig.runs.folder import CONFIG, META, RunFolder, create_run_folder
from labrig.runs.journal import Evaluation, Event, Journal, Step
from labrig.runs.plots import write_plots
from labrig.runs.spectrum import save_spectrum


@dataclass(frozen=True)
class RunResult:
    """How a recorded run ended.

    Parameters
    ----------
    folder
        Its folder.
    state
        "interrupted" if it was stopped before the last evaluation was complete and the rig closed.
    metrics
        Figures of the last evaluation by name (volts, or the loss's own unit), and the loss before training.
    evaluated_at_step
        Updates before that evaluation; None if there was none.
    steps
        Updates in the journal.
    acquisitions, evaluation_acquisitions
        Acquisitions for training, and all others.
    wall_s, bench_s
        Duration on this computer and on the bench's clock (s).
    missed
        Goals of `task.target` that the metrics do not reach, in words.
    plots
        Pictures that were written; None if they were not requested or the run was interrupted.
    plots_skipped
        True if `stop()` returned True before every picture was drawn.
    left_out
        File name of each picture that could not be made, and why.
    judgement
        The score from outside; None if there is no judge or the run was interrupted.
    not_judged
        Why the judge could not be asked; empty if it was, or there is none.
    """

    folder: RunFolder
    state: Literal["finished", "interrupted"]
    metrics: dict[str, float]
    evaluated_at_step: int | None
    steps: int
    acquisitions: int
    evaluation_acquisitions: int
    wall_s: float
    bench_s: float
    missed: tuple[str, ...] = ()
    plots: tuple[Path, ...] | None = None
    plots_skipped: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict)
    judgement: Judgement | None = None
    not_judged: str = ""

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.folder.path

    def to_json(self) -> dict[str, Any]:
        """Return the last line of `labrig run --json`, which the journal keeps too."""
        line: dict[str, Any] = {
            "event": self.state,
            "run": str(self.path),
            "metrics": self.metrics,
            "evaluated_at_step": self.evaluated_at_step,
            "steps": self.steps,
            "acquisitions": self.acquisitions,
            "evaluation_acquisitions": self.evaluation_acquisitions,
            "wall_s": round(self.wall_s, 3),
            "bench_s": round(self.bench_s, 6),
            "judge": self.judgement and self.judgement.to_json(),
            "score_differs": self.judgement and self.judgement.score_differs,
        }
        if self.not_judged:
            line["not_judged"] = self.not_judged
        if self.missed:
            line["missed"] = list(self.missed)
        if self.plots is not None:
            line["plots"] = [str(path) for path in self.plots]
        if self.plots_skipped:
            line["plots_skipped"] = True
        return line


def train(
    assembly: Assembly,
    *,
    runs_dir: Path = Path("runs"),
    run_dir: Path | None = None,
    plots: bool = True,
    started: Callable[[RunFolder], None] = lambda folder: None,
    report: Callable[[Step | Evaluation], None] = lambda what: None,
    stop: Callable[[], bool] = lambda: False,
    opened: Callable[[Rig], AbstractContextManager[Rig]] = lambda rig: rig,
) -> RunResult:
    """Train on a new bench as configured, and record the run in a new folder.

    Parameters
    ----------
    assembly
        The configuration, assembled.
    runs_dir, run_dir
        The run is a new folder in `runs_dir`, or exactly `run_dir`, which must not exist.
    plots
        Draw pictures at the end.
    started
        Called with the folder once it exists; no instrument is open yet.
    report
        Called with every step and every evaluation, after it was committed to the journal.
    stop
        Called before every step and between the measurements of an evaluation; True ends the run.
    opened
        Opens the rig as a context manager that makes it safe and closes it.

    Returns
    -------
    RunResult
        Also after a KeyboardInterrupt once the folder existed: the rig was made safe, and the run is "interrupted".

    Raises
    ------
    LabrigError, ExceptionGroup
        If the run failed; the rig was made safe, and the journal records the failure.
    KeyboardInterrupt
        If it came before the folder existed.
    """
    began_s = time.monotonic()
    setup = assembly.setup()
    with closing(setup.bench):  # the rig closes it too, once it was opened
        run = _Run(assembly, setup, create_run_folder(runs_dir, assembly.name, run_dir), began_s, report, stop)
        try:
            started(run.folder)
            return run.execute(plots, opened)
        except KeyboardInterrupt:
            return run.result("interrupted")


class _Run:
    """One run, from its empty folder to its result."""

    def __init__(
        self,
        assembly: Assembly,
        setup: Setup,
        folder: RunFolder,
        began_s: float,
        report: Callable[[Step | Evaluation], None],
        stop: Callable[[], bool],
    ) -> None:
        self.folder = folder
        self._assembly = assembly
        self._setup = setup
        self._report = report
        self._stop = stop
        self._experiment: Experiment | None = None
        self._left_out: dict[str, str] = {}
        self._judgement: Judgement | None = None
        self._not_judged = ""
        self._meta: dict[str, Any] = {}
        self._began_s = began_s
        self._bench_began_s = setup.bench.clock.now()

    def execute(self, plots: bool, opened: Callable[[Rig], AbstractContextManager[Rig]]) -> RunResult:
        """Train, record the result and draw the pictures."""
        try:
            storage, edges = self._assembly.storage, len(self._setup.rig.edges)
            journal = Journal(self.folder.journal, storage.durability, storage.gradients_every(edges))
        except StorageError:
            self.folder.discard()
            raise
        with journal:
            stopped = self._train(journal, opened) or self._stop()
            result = self.result("interrupted" if stopped else "finished", journal.steps)
            if not stopped:
                missed = self._assembly.choice.goals_missed(result.metrics)
                result = replace(result, missed=tuple(missed))
            line = result.to_json()
            journal.event(self._event(result.steps, result.state, line))
            if not stopped:
                self._write_meta({key: line[key] for key in ("judge", "score_differs")})
        if stopped or not plots:
            return result
        drawn = write_plots(self.folder, self._stop)
        return replace(
            result,
            plots=drawn.paths,
            plots_skipped=drawn.stopped,
            left_out={**drawn.left_out, **self._left_out},
        )

    def result(self, state: Literal["finished", "interrupted"], steps: int = 0) -> RunResult:
        """Return the result so far, with this number of steps in the journal."""
        experiment = self._experiment
        evaluations = experiment.evaluations if experiment else ()
        return RunResult(
            folder=self.folder,
            state=state,
            metrics=experiment.metrics if experiment else {},
            evaluated_at_step=evaluations[-1].step if evaluations else None,
            steps=steps,
            acquisitions=experiment.acquisitions if experiment else 0,
            evaluation_acquisitions=experiment.evaluation_acquisitions if experiment else 0,
            wall_s=time.monotonic() - self._began_s,
            bench_s=self._setup.bench.clock.now() - self._bench_began_s,
            left_out=self._left_out,
            judgement=self._judgement,
            not_judged=self._not_judged,
        )

    def _train(self, journal: Journal, opened: Callable[[Rig], AbstractContextManager[Rig]]) -> bool:
        """Train on the open rig, then make it safe and close it; return whether Ctrl-C ended the training."""
        try:
            with opened(self._setup.rig) as rig:
                self._experiment = self._assembly.experiment(rig, journal)
                self._describe()
                journal.describe(terminals(self._assembly), examples(self._assembly))
                self._experiment.run(self._stop, self._report)
                if not self._stop():
                    self._judge(self._experiment)
                    self._keep_spectrum(self._experiment)
        except KeyboardInterrupt:
            return True
        except Exception as error:
            with suppress(StorageError, OSError):  # a full disk is what may have failed
                journal.event(self._event(journal.steps, "failed", _failure(error)))
            raise
        return False

    def _event(self, steps: int, event: str, detail: dict[str, Any]) -> Event:
        """An event with the bench's count and clock."""
        rig = self._setup.rig
        return Event(steps, event, detail, rig.acquisitions, rig.clock.now())

    def _describe(self) -> None:
        """Write the configuration, the modules next to it that it uses, and the metadata of the run."""
        self.folder.write_text(CONFIG, to_yaml(self._assembly.document))
        for module in modules_beside(self._assembly.document.directory):
            self.folder.keep_copy(module)
        self._meta = describe(self._assembly, self._setup.rig)
        self._write_meta({"judge": None, "score_differs": None})

    def _write_meta(self, outcome: dict[str, Any]) -> None:
        self.folder.write_text(META, json_text(self._meta | outcome, indent=1, ensure_ascii=False) + "\n")

    def _judge(self, experiment: Experiment) -> None:
        """Let the score be judged from outside. Training is complete and recorded: a failure is only reported."""
        try:
            instrument = self._assembly.judge_on(experiment.rig)
            self._judgement = judge(experiment, self._setup.bench, instrument)
        except Exception as error:
            self._not_judged = reason(error)

    def _keep_spectrum(self, experiment: Experiment) -> None:
        """Save one window with the error tone on, for the spectrum.

        Training is complete and recorded: if this fails, only the picture is missing.
        """
        rig = experiment.rig
        try:
            volts = experiment.sample_with_error(int(experiment.task.train[0]))
            save_spectrum(
                self.folder,
                volts,
                [wire.node for wire in rig.hookup.senses],
                rig.plan.sample_rate_hz,
                rig.tones.frequencies_hz,
            )
        except Exception as error:
            self._left_out["spectrum.png"] = reason(error)


def _failure(error: Exception) -> dict[str, Any]:
    """Return the journal entry: the first error, the others, and the instruments that could not be made safe."""

    def as_json(each: Exception) -> dict[str, Any]:
        return {"kind": type(each).__name__, "message": str(each), "device": getattr(each, "device", None)}

    wrong, not_safe = separated(error)
    first, *beside = [as_json(each) for each in wrong or not_safe]
    return {**first, "beside": beside if wrong else [], "not_made_safe": [as_json(each) for each in not_safe]}
