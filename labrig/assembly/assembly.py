"""A configuration without problems, and the bench, rig and experiment built from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.assembly.auto import Auto
from labrig.assembly.board import Board
from labrig.assembly.multiplexing import Ghost, worst_ghost
from labrig.assembly.sections.acquisition import Acquisition, AcquisitionTiming
from labrig.assembly.sections.header import Header
from labrig.assembly.sections.instruments import Device
from labrig.assembly.sections.learning import Learning, LearningChoice
from labrig.assembly.sections.network import NetworkChoice, initial_conductances
from labrig.assembly.sections.power import Power
from labrig.assembly.sections.programmers import Programmers
from labrig.assembly.sections.storage import Storage
from labrig.assembly.sections.task import TaskChoice
from labrig.assembly.sections.timing import Timing, with_lines
from labrig.assembly.sections.trained import Trained
from labrig.calibration.calibrated import CalibratedDigitizer, CalibratedProgrammer, CalibratedSource
from labrig.calibration.fixture import Fixture
from labrig.calibration.record import CalibrationRecord
from labrig.config.document import Document
from labrig.config.section import Section
from labrig.errors import ConfigError
from labrig.experiment import Experiment
from labrig.fault_policy import FaultPolicy
from labrig.instruments.contracts import Bench
from labrig.instruments.data import AcquisitionPlan, Identity, distinct
from labrig.instruments.drivers import (
    InstrumentOptions,
    ProgrammerCapabilities,
    SourceCapabilities,
)
from labrig.instruments.guard import GuardedProgrammer, GuardedSource
from labrig.instruments.reservation import Reserved
from labrig.learning.losses import Loss
from labrig.learning.rules.exact_adjoint import ExactAdjoint
from labrig.learning.schedule import Schedule
from labrig.learning.tasks import Task
from labrig.learning.updates import Update, within
from labrig.network.physics import Layout
from labrig.rig.corrections import ChannelCorrections
from labrig.rig.gradient_probe import GradientProbe
from labrig.rig.judge import Judge, JudgeWires, judge_plan
from labrig.rig.limits import Limits
from labrig.rig.rig import Rig
from labrig.rig.transducers import TransducedProgrammer
from labrig.runs.journal import Journal
from labrig.simulation.section import Miswiring, ScheduledFault, SimulationChoice

BENCHES = {
    "simulated": "labrig.assembly.benches.simulated",
    "wire": "labrig.assembly.benches.wire",
    "hardware": "labrig.assembly.benches.hardware",
}
"""For each bench, the module that builds it, imported only when the bench is chosen."""


@dataclass(frozen=True)
class Setup:
    """A bench and the rig on it, unopened."""

    bench: Bench
    rig: Rig


@dataclass(frozen=True)
class Assembly:
    """A configuration without problems, and everything built from it.

    Attributes
    ----------
    document : Document
        The configuration, with every default filled in.
    sections : mapping
        The validated sections by name.
    choice : TaskChoice
        The `task` section and the class it names.
    acquisition_timing : AcquisitionTiming
        The samples and tones of one acquisition.
    synchronization : Timing
        The `timing` section.
    judge : JudgeWires or None
        The instruments that judge the score.
    trained : Trained or None
        Conductances of another run to start from.
    calibration : CalibrationRecord or None
        The record that is applied to the instruments.
    fixture : Fixture or None
        The fixture that simulated and virtual instruments are connected to instead of the board during a calibration.
    attended : bool
        Whether the rig is used from a program or notebook, which may pause between measurements for any length of time.
    auto : Auto or None
        The keys that are `auto`. Their values are provisional unless they are in `chosen`.
    chosen : tuple of Chosen
        The values that were chosen for `auto` keys from the first gradients.
    """

    document: Document
    sections: Mapping[str, Section]
    header: Header
    network: NetworkChoice
    layout: Layout
    choice: TaskChoice
    learning_choice: LearningChoice
    acquisition: Acquisition
    storage: Storage
    fault_policy: FaultPolicy
    simulation: SimulationChoice
    limits: Limits
    power: Power
    programmers: Programmers
    devices: Mapping[str, Device]
    board: Board
    acquisition_timing: AcquisitionTiming
    synchronization: Timing
    task: Task
    loss: Loss
    faults: tuple[ScheduledFault, ...] = ()
    miswired: tuple[Miswiring, ...] = ()
    judge: JudgeWires | None = None
    trained: Trained | None = None
    calibration: CalibrationRecord | None = None
    fixture: Fixture | None = None
    attended: bool = False
    auto: Auto | None = None
    chosen: tuple[Any, ...] = ()

    @property
    def learning(self) -> Learning:
        """The keys of the learning section that are common to all rules and losses."""
        return self.learning_choice.section

    @property
    def name(self) -> str:
        """Name of the configuration."""
        return self.header.name

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self.header.seed

    @cached_property
    def simulation_seed(self) -> int:
        """Seed of the simulation, by default that of the run."""
        own = self.simulation.section.seed
        return self.seed if own is None else own

    @cached_property
    def span(self) -> float:
        """Width of the configured conductance range (S)."""
        low, high = self.network.programmable.range
        return high - low

    @cached_property
    def initial(self) -> NDArray[np.float64]:
        """The (E,) initial conductances, before rounding (S)."""
        if self.trained is not None:
            return self.trained.shadow
        return initial_conductances(self.network, len(self.board.hookup.edges), self.seed)

    @cached_property
    def ghost(self) -> Ghost | None:
        """The largest residue of a node's voltage in the next reading; None if the digitizer is not multiplexed."""
        able = self.devices[self.board.hookup.digitizer].digitizer
        return worst_ghost(self.board, able, self.acquisition_timing.plan, self.network.programmable.range[0])

    def require_training_examples(self) -> None:
        """Raise ConfigError if the task has no training examples, so that it can only be scored."""
        if not len(self.task.train):
            raise ConfigError("the task has no training examples: it can only be scored", remedy="change task.split")

    def setup(self) -> Setup:
        """Build a new bench and a rig on it."""
        bench: Bench = import_module(BENCHES[self.header.bench]).build(self)
        try:
            return Setup(bench, self.rig_on(bench))
        except BaseException:  # including Ctrl-C: processes of the bench would outlive the run
            bench.close()
            raise

    def rig_on(self, bench: Bench, *, recorded: bool = False) -> Rig:
        """Return an unopened rig on a bench.

        If `recorded`, the instruments replay readings to which calibration and transducers were already applied.
        """
        hookup, record = self.board.hookup, self.calibration
        if record is not None:
            reached = (replace(w, full_scale_v=record.reach_v(w.label, w.full_scale_v)) for w in hookup.outputs)
            hookup = replace(hookup, outputs=tuple(reached))
        others = () if self.judge is None else self.judge.devices
        instruments: dict[str, Any] = {
            name: self.connected(bench, name)
            for name in (*hookup.sources, hookup.digitizer, *hookup.programmers, *others)
        }
        return Rig(
            hookup=hookup,
            sources={name: self._guarded(name, instruments[name], not recorded) for name in hookup.sources},
            digitizer=instruments[hookup.digitizer]
            if record is None or recorded
            else CalibratedDigitizer(hookup.digitizer, instruments[hookup.digitizer], record),
            programmers={name: self._guarded(name, instruments[name], not recorded) for name in hookup.programmers},
            plan=self.acquisition_timing.plan,
            tones=self.acquisition_timing.tones,
            activation=self.learning.activation,
            pilot_v=self.acquisition.pilot,
            limits=self.limits,
            clock=bench.clock,
            identities={
                name: Identity(device.options.model or "", device.options.serial or "")
                for name, device in self.devices.items()
            },
            mains_hz=self.acquisition.mains_hz,
            zero_every=self.acquisition.zero.every,
            up=self.power.up,
            stages=self.power.stages(self.devices),
            others={name: instruments[name] for name in others},
            on_close=bench.close,
            corrections=None if record is None else ChannelCorrections(record, hookup, self.acquisition_timing.tones),
            truth=bench.truth if self.learning_choice.rule_class is ExactAdjoint else None,
        )

    def connected(self, bench: Bench, name: str, options: InstrumentOptions | None = None) -> Any:
        """Return an unopened instrument on a bench.

        The instrument is told the stage in which it is made safe, and the levels that it then holds. If `options` are
        given, they replace the options that the instrument has in a run.
        """
        instrument: Any = bench.connect(name, self.devices[name].driver, options or self.routed(name))
        hookup = self.board.hookup
        wires = [wire for wire in (*hookup.inputs, *hookup.outputs, hookup.pilot) if wire.device == name]
        levels = {wire.channel: wire.safe_v for wire in wires if wire.safe_v is not None}
        if levels:
            instrument.hold_when_safe(levels)
        stage = self.power.stages(self.devices).get(name)
        if stage is not None and isinstance(instrument, Reserved):
            instrument.make_safe_in_stage(stage)
        return instrument

    def judge_on(self, rig: Rig) -> Judge | None:
        """Return the judge on an open rig: the instruments that measure the score. None if there is no judge."""
        return None if self.judge is None else Judge(self.judge, rig, self.judge_plans(rig.plan))

    def judge_plans(self, rig_plan: AcquisitionPlan) -> dict[str, AcquisitionPlan]:
        """Return the plan of each digitizer of the judge, derived from the rig's plan; empty if there is no judge."""
        if self.judge is None:
            return {}
        able = {device: self.devices[device].digitizer for device in self.judge.devices}
        return {
            device: judge_plan(rig_plan, self.judge.channels(device), each.full_scale_v, each.max_sample_rate_hz)
            for device, each in able.items()
        }

    def open_rig(self) -> Rig:
        """Return the rig on a new bench: a context manager that opens the rig and makes it safe."""
        return self.setup().rig

    def probe(self, rig: Rig, update: Update) -> GradientProbe:
        """Return a probe that measures gradients of this task on an open rig; `update` holds the conductances."""
        choice = self.learning_choice
        carrier = choice.carrier(self.loss, len(self.board.hookup.outputs))
        rule = choice.rule
        if isinstance(rule, ExactAdjoint) and rig.truth is not None:
            rule = rule.knowing(rig.truth, tone=self.learning.activation == "sine")
        return GradientProbe(rig, self.task, self.loss, rule, carrier, update)

    def update(self, rig: Rig, steps: int | None = None) -> Update:
        """Return the update, starting from the initial conductances.

        If the rate decays linearly, the decay ends after `steps` steps, by default with the last epoch.
        """
        inside = {key: within(each, *self.network.programmable.range) for key, each in distinct(rig.levels).items()}
        levels = [inside[id(each)] for each in rig.levels]
        update = self.learning_choice.update(levels, self.initial, self.span, self.loss, len(self.task.train), steps)
        update.seed = self.seed
        if self.trained is not None:
            update.resume(update.shadow, self.trained.conductances, steps=0)
        return update

    @property
    def schedule(self) -> Schedule:
        """Epochs, batch size and evaluations of the run."""
        return Schedule(self.learning.epochs, self.learning.batch, self.learning.evaluate.every)

    def experiment(self, rig: Rig, journal: Journal) -> Experiment:
        """Build the experiment on an open rig."""
        update = self.update(rig)
        probe, refresh_s = self.probe(rig, update), self.programmers.refresh_s
        return Experiment(
            probe, update, self.schedule, journal, self.seed, policy=self.fault_policy, refresh_s=refresh_s
        )

    def routed(self, name: str) -> InstrumentOptions:
        """Return an instrument's options, with the output terminals for trigger and clock filled in from `timing`."""
        return with_lines(self.devices[name], self.synchronization)

    def _guarded(self, name: str, instrument: Any, wrapped: bool = True) -> Any:
        """Return an instrument behind its guard and, if `wrapped`, with calibration record and transducers applied."""
        capabilities, record = self.devices[name].capabilities, self.calibration if wrapped else None
        if isinstance(capabilities, SourceCapabilities):
            source = GuardedSource(name, instrument, capabilities)
            return source if record is None else CalibratedSource(name, source, record)
        assert isinstance(capabilities, ProgrammerCapabilities)
        guarded: Any = GuardedProgrammer(name, instrument, capabilities)
        if record is not None:
            guarded = CalibratedProgrammer(name, guarded, record)
        edges = [edge for edge in self.board.hookup.edges if edge.device == name and edge.per_siemens != 1.0]
        if not edges or not wrapped:
            return guarded
        return TransducedProgrammer(guarded, {edge.channel: edge.per_siemens for edge in edges})
