"""The experiment: one training step, and the loop around it.

example (x, y) → the rule's measurements → gradient per edge → shadow → settings → program → journal

Frequency propagation: measure with the error off → e = ∂C/∂v_o → measure with the error current −γ e → gradient a·b/γ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.board_writer import BoardWriter
from labrig.errors import LabrigError
from labrig.fault_policy import REFUSALS, FaultPolicy, not_kept, require_edge_to_train, settings_lost
from labrig.instruments.data import Setting
from labrig.learning.gradient import mean_gradient
from labrig.learning.measurement import OutputReadings
from labrig.learning.schedule import Schedule
from labrig.learning.scores import scores
from labrig.learning.tasks import Task
from labrig.learning.updates import Update
from labrig.random_streams import RandomStream
from labrig.rig.gradient_probe import ExampleGradient, GradientProbe
from labrig.rig.rig import Rig
from labrig.runs.faults import FaultCosts, costs_of
from labrig.runs.journal import Evaluation, Event, Intent, Journal, Record, Step

Array = NDArray[np.float64]


@dataclass
class Experiment:
    """Trains a rig on a task.

    Parameters
    ----------
    probe, update, schedule, journal
        The probe that measures gradients, the update that applies them, the epochs to train, and the run's record.
    seed
        Seed of the order of examples.
    evaluation_acquisitions
        Number of all acquisitions other than those for training.
    first_evaluation, last_evaluation
        The first and the last evaluation; the journal contains those in between.
    readings
        The outputs of every example in the last evaluation.
    more_state
        Returns further state (of the bench and the twin) to commit with every row.
    announces
        Whether the journal records the settings that are about to be written to the board.
    after_step
        Function that returns the findings of the twin in this step, for the journal.
    policy
        What is done about faults.
    refresh_s
        Time between refreshes of cells that drift (s).
    masked
        Indices of edges that are no longer written, because their channels did not keep a value.
    costs
        What faults have cost so far.
    """

    probe: GradientProbe
    update: Update
    schedule: Schedule
    journal: Journal
    seed: int
    evaluation_acquisitions: int = 0
    first_evaluation: Evaluation | None = None
    last_evaluation: Evaluation | None = None
    readings: OutputReadings | None = None
    more_state: Callable[[], Mapping[str, Any]] = dict
    announces: bool = False
    after_step: Callable[[], Sequence[dict[str, Any]]] = tuple
    policy: FaultPolicy = field(default_factory=FaultPolicy)
    refresh_s: float = math.inf
    masked: set[int] = field(default_factory=set)
    costs: FaultCosts = field(default_factory=FaultCosts)
    _first_gradient: tuple[Array, Array] | None = field(default=None, repr=False)
    _programmed: bool = field(default=False, repr=False)

    def program(self) -> None:
        """Write every conductance to the board."""
        began = self.rig.clock.now()
        if faulty := self.writer.write(self.settings(), self.update.steps, "program").faulty:
            self._mask(faulty, self.update.steps, self.rig.acquisitions, began)
        self._programmed = True

    def run(self, stop: Callable[[], bool], report: Callable[[Evaluation | Step], None]) -> None:
        """Train to the end of the schedule or until `stop()` is True.

        `stop` is called before every step and between the measurements of an evaluation, which may thus remain
        unfinished. After `resume` the training continues where it was.
        """
        if not self._programmed:
            self.program()
        per_epoch = max(1, -(-len(self.task.train) // self.schedule.batch))
        begun = self.update.steps // per_epoch  # the epoch to continue; the evaluation before it may be missing
        if not self._evaluated(begun, stop, report):
            return
        order = RandomStream(self.seed, "order")
        for epoch in range(begun, self.schedule.epochs):
            examples = order.at(epoch).permutation(self.task.train)
            done = self.update.steps - epoch * per_epoch
            for first in range(done * self.schedule.batch, len(examples), self.schedule.batch):
                if stop():
                    return
                batch, rest = np.split(examples[first:], [self.schedule.batch])
                report(self.step(epoch, batch, following=rest[0] if len(rest) else None))
            if not self._evaluated(epoch + 1, stop, report):
                return

    def _evaluated(self, epoch: int, stop: Callable[[], bool], report: Callable[[Evaluation | Step], None]) -> bool:
        """Evaluate after this number of epochs if due, and report the result; return False if stopped meanwhile."""
        every = self.schedule.evaluate_every
        due = epoch in {0, self.schedule.epochs} or bool(every and epoch % every == 0)
        begun = self.update.steps > epoch * -(-len(self.task.train) // self.schedule.batch)
        if not due or begun or (self.last_evaluation is not None and self.last_evaluation.epoch == epoch):
            return True
        evaluation = self.evaluate(epoch, stop)
        if evaluation is not None:
            report(evaluation)
        return evaluation is not None

    def resume(self, record: Record, state: Mapping[str, Any]) -> None:
        """Restore the state at the end of a run's journal; the board is not written yet.

        Parameters
        ----------
        record, state
            The contents of the journal, and the state that was committed with the last step or evaluation.
        """
        initial = self.update.conductances
        if len(record.step):
            self.update.resume(record.shadow[-1], record.conductances[-1], int(record.step[-1]))
            self._first_gradient = initial, record.gradient[0]
            self.masked = set(record.masked[-1] or ())
            self.costs = costs_of(record.events)
            require_edge_to_train(len(self.masked), len(self.rig.edges), self.update.steps)
        if record.evaluations:
            self.first_evaluation, self.last_evaluation = record.evaluations[0], (last := record.evaluations[-1])
            volts, noise, systematic = last.outputs, last.u_outputs, last.systematic_outputs
            if volts is not None and noise is not None and systematic is not None:  # not stored before schema 5
                self.readings = OutputReadings(np.array(last.examples), volts, noise, systematic)
        if state:
            self.evaluation_acquisitions = state["evaluation_acquisitions"]
            self.rig.resume(state["rig"])
            self.writer.resume(state)
            self.update.remember(state.get("update", {}))

    def _state(self) -> dict[str, Any]:
        """Return the state that `resume` needs besides the rows of the journal, and `more_state`."""
        return {
            "evaluation_acquisitions": self.evaluation_acquisitions,
            "rig": self.rig.state(),
            **self.writer.state(),
            **({"update": dict(memory)} if (memory := self.update.memory()) else {}),
            **self.more_state(),
        }

    def step(self, epoch: int, examples: Sequence[int] | NDArray[np.intp], following: int | None = None) -> Step:
        """Make one update from a batch of examples: measure, learn, write, record.

        If a programmer lost its settings during the step, the measurements are invalid: the step is made again.

        Parameters
        ----------
        epoch : int
            Number of the epoch, from 0, for the journal.
        examples : sequence of int
            Indices of the batch.
        following : int, optional
            The next example, for which the sources are prepared while the update is written.

        Raises
        ------
        ChannelFault
            If a channel does not keep its value, or the settings are lost in every attempt.
        LimitExceeded
            If the step takes longer than limits.step.
        """
        before, batch = self.update.state(), [int(example) for example in examples]
        for attempt in range(1, self.policy.attempts + 1):
            began, counted, left_out = self.rig.clock.now(), self.rig.acquisitions, False
            try:
                learned = self._learned(batch, following)
                self.rig.confirm()
            except REFUSALS as error:
                action = self.policy.action(error, attempt, lost_settings=self.rig.program({}).interrupted)
                if action == "stop":
                    raise
                self._note_fault(error, action, before.steps, counted, began, {"examples": batch})
                if action != "skip":
                    continue
                learned, left_out = [ExampleGradient(math.nan, None)] * len(batch), True
            gradient = mean_gradient([item.gradient for item in learned], len(self.rig.edges))
            here = self.update.conductances
            settings = self._applied(gradient.value)
            if self.announces:
                changed = tuple(sorted(settings))
                self.journal.intend(Intent(self.update.steps, changed, self.update.conductances[list(changed)]))
            report = self.writer.write(settings, self.update.steps)
            if not report.interrupted:
                break
            self.update.restore(before)
            self.writer.write(self.settings(), before.steps)
            self._note(before.steps, "repeated", {"examples": batch})
        else:
            raise settings_lost("step", self.policy.attempts, before.steps)
        self._first_gradient = self._first_gradient or (here, gradient.value)
        self.rig.limits.check_step(self.rig.clock.now() - began)
        for detail in self.after_step():
            self._note(self.update.steps, "twin", detail)
        if faulty := (*report.faulty, *self.writer.refresh(self.update.steps).faulty):
            self._mask(faulty, before.steps, counted, began)
        step = Step(
            index=self.update.steps,
            epoch=epoch,
            examples=tuple(batch),
            loss=None if math.isnan(loss := float(np.mean([item.loss for item in learned]))) else loss,
            gamma=gradient.gamma,
            skipped=sum(item.gradient is None for item in learned),
            gradient=gradient.value,
            u_gradient=gradient.standard_error,
            shadow=self.update.shadow,
            conductances=self.update.conductances,
            written=len(report.written),
            acquisitions=self.acquisitions,
            bench_s=self.rig.clock.now() - began,
            bench_acquisitions=self.rig.acquisitions,
            bench_clock_s=self.rig.clock.now(),
            masked=tuple(sorted(self.masked)),
        )
        self.journal.append(step, self._state())
        self.costs.batches_left_out += left_out
        return step

    def _learned(self, batch: Sequence[int], following: int | None) -> list[ExampleGradient]:
        """Measure the gradient of every example."""
        *earlier, last = batch
        learned = [self.probe.gradient(example) for example in earlier]
        learned.append(self.probe.gradient(last, following))
        return learned

    def _applied(self, gradient: Array) -> dict[int, Setting]:
        """Update the edges that are not masked; return the settings that change."""
        if not self.masked:
            return self.update.apply(gradient)
        without = gradient.copy()
        without[list(self.masked)] = 0.0
        return {edge: setting for edge, setting in self.update.apply(without).items() if edge not in self.masked}

    def settings(self) -> dict[int, Setting]:
        """Return all settings except those of masked edges."""
        return {edge: setting for edge, setting in self.update.settings().items() if edge not in self.masked}

    def _mask(self, faulty: tuple[str, ...], step: int, counted: int, began: float) -> None:
        """Mask the edges of channels that did not keep their value.

        Raises ChannelFault if the policy is to stop, or if no edge is left to train.
        """
        error = not_kept(faulty, step)
        if self.policy.channel == "stop":
            raise error
        edges = self.writer.edges(faulty)
        self.masked |= set(edges)
        named, masked, of = [self.rig.edges[edge] for edge in edges], len(self.masked), len(self.rig.edges)
        self._note_fault(error, "mask", step, counted, began, {"edges": named, "masked": masked, "of": of})
        require_edge_to_train(masked, of, step)

    def _note_fault(
        self, error: LabrigError, action: str, step: int, counted: int, began: float, more: Mapping[str, Any]
    ) -> None:
        """Record a fault: what it was, what is done about it, and what it cost."""
        if action == "repeat":
            self._note(step, "repeated", {**more, "kind": type(error).__name__, "error": error.message})
            return
        cost = {"acquisitions": self.rig.acquisitions - counted, "bench_s": self.rig.clock.now() - began}
        what = {"kind": type(error).__name__, "device": error.device, "message": error.message, "action": action}
        self._note(step, "fault", {**what, "cost": cost, **more})

    @cached_property
    def writer(self) -> BoardWriter:
        """Writes settings to the board."""
        return BoardWriter(self.rig, self.journal, self.refresh_s)

    @property
    def rig(self) -> Rig:
        """The open rig."""
        return self.probe.rig

    @property
    def task(self) -> Task:
        """The task."""
        return self.probe.task

    @property
    def acquisitions(self) -> int:
        """Number of acquisitions for training so far."""
        return self.rig.acquisitions - self.evaluation_acquisitions

    def evaluate(self, epoch: int, stop: Callable[[], bool] = lambda: False) -> Evaluation | None:
        """Measure every example on the rig and record the metrics; these acquisitions are counted separately.

        Returns None if `stop()` is True between two measurements; an unfinished evaluation is not recorded.
        """
        before = self.rig.acquisitions
        try:
            found = self._read_outputs(epoch, stop)
        finally:
            self.evaluation_acquisitions += self.rig.acquisitions - before
        if found is None:
            return None
        self.readings = found
        evaluation = Evaluation(
            epoch,
            self.update.steps,
            self.metrics_of(found),
            self.rig.acquisitions,
            self.rig.clock.now(),
            examples=tuple(found.examples.tolist()),
            outputs=found.volts,
            u_outputs=found.noise,
            systematic_outputs=found.systematic,
        )
        self.first_evaluation, self.last_evaluation = self.first_evaluation or evaluation, evaluation
        self.journal.evaluated(evaluation, self._state())
        return evaluation

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics of the last evaluation, the initial loss, and the task's figures about the first gradient."""
        if self.first_evaluation is None or self.last_evaluation is None:
            return {}
        extra = self.task.gradient_figures(*self._first_gradient) if self._first_gradient else {}
        initial = {"initial_" + name: loss for name, loss in self.first_evaluation.metrics.items() if name == "loss"}
        return {**self.last_evaluation.metrics, **initial, **extra}

    def readings_of(self, read: Callable[[Array], tuple[Array, Array, Array]]) -> OutputReadings | None:
        """Measure the examples of the last evaluation with another instrument; return None if there was no evaluation.

        `read` takes inputs (I,) and returns the outputs' voltages, noise and systematic uncertainties, (O,) each. Its
        acquisitions are not counted as training.
        """
        if self.readings is None:
            return None
        before = self.rig.acquisitions
        try:
            rows = [read(self.task.activation[example]) for example in self.readings.examples]
        finally:
            self.evaluation_acquisitions += self.rig.acquisitions - before
        return OutputReadings(self.readings.examples, *np.array(rows).swapaxes(0, 1))

    def sample_with_error(self, example: int) -> Array:
        """Return the (N, C) samples (V) of one window with the full error current at every output, for the spectrum."""
        before, error = self.rig.acquisitions, np.ones(len(self.rig.hookup.outputs))
        try:
            self.rig.measure(self.probe.carrier.excitation(self.task.activation[example], error))
        finally:
            self.evaluation_acquisitions += self.rig.acquisitions - before
        return self.rig.window()

    def metrics_of(self, readings: OutputReadings) -> dict[str, float]:
        """Return the metrics for the outputs of the training examples, followed by those of the test examples."""
        return scores(self.task, self.probe.loss, readings)

    def _read_outputs(self, epoch: int, stop: Callable[[], bool]) -> OutputReadings | None:
        """Measure every example, and all of them again if settings were lost; return None if `stop()` is True."""
        examples = np.concatenate((self.task.train, self.task.test))
        for attempt in range(1, self.policy.attempts + 1):
            read, began, counted = [], self.rig.clock.now(), self.rig.acquisitions
            try:
                for example in examples:
                    if stop():
                        return None
                    response = self.probe.measure_free(int(example))
                    read.append((response.outputs, response.u_outputs, response.systematic_outputs))
                self.rig.confirm()
            except REFUSALS as error:
                action = self.policy.action(error, attempt, lost_settings=self.rig.program({}).interrupted, skips=False)
                if action == "stop":
                    raise
                self._note_fault(error, action, self.update.steps, counted, began, {"evaluation": epoch})
                continue
            if not self.rig.program({}).interrupted:
                return OutputReadings(examples, *np.array(read).swapaxes(0, 1))
            self._note(self.update.steps, "repeated", {"evaluation": epoch})
        raise settings_lost("evaluation", self.policy.attempts, self.update.steps)

    def _note(self, step: int, event: str, detail: dict[str, object]) -> None:
        """Record an event with the number of acquisitions so far and the time on the bench's clock."""
        self.costs.repetitions += event == "repeated" or detail.get("action") == "retry"
        self.journal.event(Event(step, event, detail, self.rig.acquisitions, self.rig.clock.now()))
