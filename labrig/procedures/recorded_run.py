"""A recorded run, new or resumed, from its folder to its result."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, suppress
from dataclasses import replace
from typing import Any, Literal

from labrig.assembly import Assembly, Setup
from labrig.assembly.describe import describe
from labrig.assembly.terminals import examples, terminals
from labrig.config.resolved import to_yaml
from labrig.errors import StorageError, reason, separated
from labrig.experiment import Experiment
from labrig.extensions import modules_beside
from labrig.json_text import json_text
from labrig.learning.rules.exact_adjoint import LABEL
from labrig.procedures.judge import Judgement, judge
from labrig.procedures.plan import stored_bytes
from labrig.procedures.reconcile import reconciled, require_same_rig
from labrig.procedures.run_result import RunResult
from labrig.procedures.twin import TwinOfRun
from labrig.rig.rig import Rig
from labrig.runs.faults import FaultCosts
from labrig.runs.folder import CONFIG, META, RunFolder
from labrig.runs.journal import Evaluation, Event, Journal, Record, Step, read_blocks
from labrig.runs.plots import write_plots
from labrig.runs.raw import RawRecorder
from labrig.runs.room import warn_of_little_room
from labrig.runs.spectrum import save_spectrum


class RecordedRun:
    """One run, from its folder to its result.

    Parameters
    ----------
    assembly, setup
        The configuration, and the bench and the rig that were built from it.
    folder
        The folder of the run.
    report
        Called with every step and every evaluation, after it was committed to the journal.
    stop
        Called before every step and between the measurements of an evaluation; True ends the run.
    past
        The contents of its journal, if the run is resumed.
    changed
        Whether the configuration differs from the one in the folder, which is then replaced.
    """

    def __init__(
        self,
        assembly: Assembly,
        setup: Setup,
        folder: RunFolder,
        report: Callable[[Step | Evaluation], None],
        stop: Callable[[], bool],
        past: Record | None = None,
        changed: bool = False,
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
        self._twin: TwinOfRun | None = None
        self._meta: dict[str, Any] = {}
        self._past = past
        self._changed = changed
        self._resumed = False
        self._began_s = time.monotonic()
        self._bench_began_s = setup.bench.clock.now()
        checkpoint = past.checkpoint if past else None
        self._earlier: Mapping[str, Any] = checkpoint.state if checkpoint else {}
        self._earlier_wall_s = checkpoint.wall_s if checkpoint else 0.0
        self._earlier_bench_s: float = self._earlier.get("bench_s", 0.0)

    def execute(self, plots: bool, opened: Callable[[Rig], AbstractContextManager[Rig]]) -> RunResult:
        """Train, record the result and, with `plots`, draw the pictures; `opened` opens the rig as in `train`."""
        with self._journal() as journal:
            stopped = self._train(journal, opened) or self._stop()
            result = self.result("interrupted" if stopped else "finished", journal.steps)
            if not stopped:
                reached, missed = self._assembly.choice.goals_judged(result.metrics)
                result = replace(result, reached=tuple(reached), missed=tuple(missed))
            line = result.to_json()
            journal.event(self._event(result.steps, result.state, line))
            if not stopped:
                self._write_meta(journal, {key: line[key] for key in ("judge", "score_differs")})
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
        evaluation = experiment.last_evaluation if experiment else None
        return RunResult(
            folder=self.folder,
            state=state,
            metrics=experiment.metrics if experiment else {},
            evaluated_at_step=evaluation.step if evaluation else None,
            steps=steps,
            acquisitions=experiment.acquisitions if experiment else 0,
            evaluation_acquisitions=experiment.evaluation_acquisitions if experiment else 0,
            wall_s=self._earlier_wall_s + time.monotonic() - self._began_s,
            bench_s=self._bench_s(),
            edges=len(self._setup.rig.edges),
            edges_masked=len(experiment.masked) if experiment else 0,
            costs=experiment.costs if experiment else FaultCosts(),
            resumed=self._past is not None,
            left_out=self._left_out,
            judgement=self._judgement,
            not_judged=self._not_judged,
            measurement="" if self._assembly.learning_choice.rule_class.measures else LABEL,
            twin=self._twin and self._twin.to_json(),
        )

    def _journal(self) -> Journal:
        """The journal, new or opened again; if a new one cannot be created, the folder is discarded."""
        storage = self._assembly.storage
        kept = storage.durability, storage.gradients_every(len(self._setup.rig.edges))
        if self._past is not None:
            return Journal.reopened(self.folder.journal, *kept, read=self._past.checkpoint)
        try:
            return Journal(self.folder.journal, *kept)
        except StorageError:
            self.folder.discard()
            raise

    def _train(self, journal: Journal, opened: Callable[[Rig], AbstractContextManager[Rig]]) -> bool:
        """Train on the open rig, then make it safe and close it; return whether Ctrl-C ended the training."""
        bench = self._setup.bench
        try:
            if self._past is None:
                self._keep_config(journal)
            if self._past is not None:
                bench.pause()
            with ExitStack() as raw, opened(self._setup.rig) as rig:
                self._experiment = self._assembly.experiment(rig, journal)
                self._experiment.more_state = self._more_state
                self._experiment.announces = self._assembly.header.bench != "simulated"
                if self._assembly.learning.twin is not None:
                    self._twin = TwinOfRun(self._assembly, self._experiment)
                self._begin(self._experiment, journal)
                warn_of_little_room(self.folder.path, stored_bytes(self._assembly, rig))
                if self._assembly.storage.raw:
                    written = read_blocks(self.folder.journal) if self._past else ()
                    rig.recorder = raw.enter_context(closing(RawRecorder(self.folder.path, journal, written)))
                self._experiment.run(self._stop, self._report)
                if not self._stop():
                    self._judge(self._experiment)
                    self._keep_spectrum(self._experiment, journal)
        except KeyboardInterrupt:
            return True
        except Exception as error:
            if self._past is not None and not self._resumed:
                raise  # nothing was done: the run is unchanged
            with suppress(StorageError, OSError):  # the error may be a full disk
                faults = bench.state().get("faults")
                detail = _failure(error) | ({"faults": faults} if faults else {})
                journal.event(self._event(journal.steps, "failed", detail))
            raise
        return False

    def _begin(self, experiment: Experiment, journal: Journal) -> None:
        """Describe a new run; or check a resumed run, restore its state, and write every conductance to the board."""
        if self._past is None or not self._earlier:
            self._describe(journal)
            if self._past is not None:  # it was stopped before anything was measured
                self._resumed = True
                self._resume_bench()
                journal.event(self._event(0, "resumed", {}))
            return
        self._meta = self.folder.meta()
        now = describe(self._assembly, self._setup.rig)
        require_same_rig(self._meta, now)
        experiment.resume(self._past, self._earlier)
        if self._twin is not None and "twin" in self._earlier:  # older runs did not store the twin
            self._twin.resume(self._earlier["twin"])
        detail: dict[str, Any] = {"epochs": now["card"]["epochs"], "epochs_before": self._meta["card"]["epochs"]}
        if experiment.announces:
            detail["board"] = reconciled(experiment, self._past.intent, self._assembly.storage.resume)
        self._resumed = True
        if self._changed:
            self._keep_config(journal)
            self._meta["card"] = now["card"]
            self._meta["values"] = _later_origins(self._meta.get("values", ()), now["values"])
            self._write_meta(journal, {})
        experiment.program()
        self._resume_bench()
        self._bench_began_s = self._setup.bench.clock.now()
        journal.event(self._event(journal.steps, "resumed", detail))

    def _resume_bench(self) -> None:
        """Continue on the bench, after the faults that stopped the run."""
        failures = [event.detail for event in self._past.events if event.event == "failed"] if self._past else []
        failed = failures[-1].get("faults") if failures else None
        self._setup.bench.resume({**self._earlier.get("bench", {}), **({"failed": failed} if failed else {})})

    def _more_state(self) -> dict[str, Any]:
        twin = {} if self._twin is None else {"twin": self._twin.state()}
        return {"bench": self._setup.bench.state(), "bench_s": self._bench_s(), **twin}

    def _bench_s(self) -> float:
        """Duration of the run on the bench's clock so far (s)."""
        return self._earlier_bench_s + self._setup.bench.clock.now() - self._bench_began_s

    def _event(self, steps: int, event: str, detail: dict[str, Any]) -> Event:
        """Return an event with the number of acquisitions so far and the time on the bench's clock."""
        rig = self._setup.rig
        return Event(steps, event, detail, rig.acquisitions, rig.clock.now())

    def _keep_config(self, journal: Journal) -> None:
        """Write the configuration to the folder, with the modules next to it that it uses."""
        self.folder.write_text(CONFIG, to_yaml(self._assembly.document), lambda file: journal.keep([file]))
        names: list[str] = []
        for module in modules_beside(self._assembly.document.directory):
            names += self.folder.keep_copy(module)
        journal.keep(map(self.folder.stored, names))

    def _describe(self, journal: Journal) -> None:
        """Write the metadata of the run, and the meaning of inputs, outputs and examples."""
        self._meta = describe(self._assembly, self._setup.rig)
        self._write_meta(journal, {"judge": None, "score_differs": None})
        if self._assembly.chosen:
            journal.event(self._event(0, "chosen", {"values": self._meta["chosen"]}))
        if self._past is None or not self._past.terminals:
            journal.describe(terminals(self._assembly), examples(self._assembly))

    def _write_meta(self, journal: Journal, outcome: dict[str, Any]) -> None:
        text = json_text(self._meta | outcome, indent=1, ensure_ascii=False) + "\n"
        self.folder.write_text(META, text, lambda file: journal.keep([file]))

    def _judge(self, experiment: Experiment) -> None:
        """Have the score judged independently. Training is complete and recorded, so a failure is only reported."""
        try:
            instrument = self._assembly.judge_on(experiment.rig)
            self._judgement = judge(experiment, self._setup.bench, instrument)
        except Exception as error:
            self._not_judged = reason(error)

    def _keep_spectrum(self, experiment: Experiment, journal: Journal) -> None:
        """Save one window with the error tone on, for the plot of the spectrum.

        Training is complete and recorded, so if this fails, only that picture is missing.
        """
        rig = experiment.rig
        try:
            volts = experiment.sample_with_error(int(experiment.task.trial[0]))
            save_spectrum(
                self.folder,
                volts,
                [wire.node for wire in rig.hookup.senses],
                rig.plan.sample_rate_hz,
                rig.tones.frequencies_hz,
                lambda file: journal.keep([file]),
            )
        except Exception as error:
            self._left_out["spectrum.png"] = reason(error)


def _later_origins(before: Sequence[list[str]], now: Sequence[list[str]]) -> list[list[str]]:
    """Return the values of a resumed run, [path, value, origin]; an unchanged value keeps its old origin."""
    known = {(path, value): origin for path, value, origin in before}
    return [[path, value, known.get((path, value), origin)] for path, value, origin in now]


def _failure(error: Exception) -> dict[str, Any]:
    """Return the journal entry of a failure: its first error, the others, and those while making instruments safe."""

    def as_json(each: Exception) -> dict[str, Any]:
        return {"kind": type(each).__name__, "message": str(each), "device": getattr(each, "device", None)}

    wrong, not_safe = separated(error)
    first, *beside = [as_json(each) for each in wrong or not_safe]
    return {**first, "beside": beside if wrong else [], "not_made_safe": [as_json(each) for each in not_safe]}
