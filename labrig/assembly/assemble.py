"""A configuration becomes a bench, a rig and an experiment. Nothing is opened and nothing is written here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from labrig.assembly.board import Board, read_board
from labrig.assembly.devices import Device, check_bench, read_devices
from labrig.assembly.drive import check_drive, check_range
from labrig.assembly.effective import effective
from labrig.assembly.faults import read_faults
from labrig.assembly.layout import read_layout
from labrig.assembly.synchronization import check_synchronization
from labrig.assembly.task import initial_conductances, read_task
from labrig.assembly.timing import MOST_SAMPLES, Timing, check_length, check_sample_rate, read_timing, read_tones
from labrig.config import sections
from labrig.config.document import Document, load_document
from labrig.config.validation import validate
from labrig.experiment import Experiment, GradientProbe, Schedule
from labrig.instruments.contracts import Bench
from labrig.instruments.data import Identity
from labrig.instruments.drivers import (
    DigitizerCapabilities,
    InstrumentOptions,
    ProgrammerCapabilities,
    SourceCapabilities,
)
from labrig.instruments.guard import GuardedProgrammer, GuardedSource
from labrig.learning.tasks import Task
from labrig.learning.updates import ShadowUpdate, within
from labrig.rig.limits import Limits
from labrig.rig.rig import Rig
from labrig.runs.journal import Journal
from labrig.simulation.faults import Fault

OPTIONAL = ("timing", "limits", "storage", "simulation")
SECTIONS: dict[str, type[BaseModel]] = {
    "network": sections.Network,
    "task": sections.Task,
    "learning": sections.Learning,
    "acquisition": sections.Acquisition,
    "timing": sections.Timing,
    "limits": sections.Limits,
    "storage": sections.Storage,
    "simulation": sections.Simulation,
}
BENCHES = {
    "simulated": "labrig.assembly.simulated",
    "wire": "labrig.assembly.wire",
    "hardware": "labrig.assembly.hardware",
}
"""Where each bench is built; imported when it is chosen."""


@dataclass(frozen=True)
class Setup:
    """A bench and the rig on it, unopened."""

    bench: Bench
    rig: Rig


@dataclass(frozen=True)
class Assembly:
    """A configuration without faults, and what follows from it."""

    document: Document
    header: sections.Header
    network: sections.Network
    task_section: sections.Task
    learning: sections.Learning
    acquisition: sections.Acquisition
    storage: sections.Storage
    simulation: sections.Simulation
    limits: Limits
    devices: dict[str, Device]
    board: Board
    timing: Timing
    synchronization: sections.Timing
    task: Task
    faults: tuple[Fault, ...] = ()

    @property
    def name(self) -> str:
        return self.header.name

    @property
    def seed(self) -> int:
        return self.header.seed

    @cached_property
    def simulation_seed(self) -> int:
        """The simulation's own seed, by default the run's."""
        return self.seed if self.simulation.seed is None else self.simulation.seed

    @cached_property
    def span(self) -> float:
        """Width of the configured conductance range (S)."""
        low, high = self.network.programmable.range
        return high - low

    def setup(self) -> Setup:
        """A fresh bench and a rig on it."""
        bench: Bench = import_module(BENCHES[self.header.bench]).build(self)
        try:
            return Setup(bench, self._rig(bench))
        except BaseException:  # Ctrl-C too: what the bench started would outlive the run
            bench.close()
            raise

    def _rig(self, bench: Bench) -> Rig:
        hookup = self.board.hookup
        instruments = {
            name: bench.connect(name, self.devices[name].driver, self.routed(name))
            for name in (*hookup.sources, hookup.digitizer, *hookup.programmers)
        }
        return Rig(
            hookup=hookup,
            sources={name: self._guarded(name, instruments[name]) for name in hookup.sources},
            digitizer=instruments[hookup.digitizer],  # type: ignore[arg-type]
            programmers={name: self._guarded(name, instruments[name]) for name in hookup.programmers},
            plan=self.timing.plan,
            tones=self.timing.tones,
            activation=self.learning.activation,
            pilot_v=self.acquisition.pilot,
            limits=self.limits,
            clock=bench.clock,
            identities={
                name: Identity(device.options.model or "", device.options.serial or "")
                for name, device in self.devices.items()
            },
            on_close=bench.close,
        )

    def open_rig(self) -> Rig:
        """The rig alone, as a context manager that opens it and makes it safe."""
        return self.setup().rig

    def probe(self, rig: Rig) -> GradientProbe:
        """Reads gradients of this task off an open rig."""
        error = self.learning.error
        return GradientProbe(rig, self.task, error.current, error.floor * self.task.loss.error_scale)

    def update(self, rig: Rig) -> ShadowUpdate:
        """The conductances to begin with, and how gradients change them."""
        learning = self.learning
        batches = -(-len(self.task.train) // learning.batch)
        return ShadowUpdate(
            [within(levels, *self.network.programmable.range) for levels in rig.levels],
            initial_conductances(self.network, len(rig.edges), self.seed),
            span=self.span,
            loss_scale=self.task.loss.scale,
            rate=learning.rate,
            total_steps=learning.epochs * batches if learning.decay == "linear" else None,
            hysteresis=learning.hysteresis,
        )

    @property
    def schedule(self) -> Schedule:
        return Schedule(self.learning.epochs, self.learning.batch, self.learning.evaluate.every)

    def experiment(self, rig: Rig, journal: Journal) -> Experiment:
        """The experiment on an open rig."""
        return Experiment(self.probe(rig), self.update(rig), self.schedule, journal, self.seed)

    def routed(self, name: str) -> InstrumentOptions:
        """An entry's options with the terminals its start trigger and its clock leave by, which `timing` names."""
        device, clock, trigger = self.devices[name], self.synchronization.clock, self.synchronization.trigger
        able, lines = device.capabilities, {}
        if not isinstance(able, DigitizerCapabilities):
            return device.options
        if "start" in able.exports and trigger and trigger.line and name == trigger.from_.partition("/")[0]:
            lines["export_start"] = trigger.line
        if "clock" in able.exports and clock and clock.line and name == clock.master:
            lines["export_clock"] = clock.line
        return device.options.model_copy(update=lines)

    def _guarded(self, name: str, instrument: Any) -> Any:
        able = self.devices[name].capabilities
        if isinstance(able, SourceCapabilities):
            return GuardedSource(name, instrument, able)
        assert isinstance(able, ProgrammerCapabilities)
        return GuardedProgrammer(name, instrument, able)


def assemble(path: Path, overrides: Sequence[str] = ()) -> Assembly:
    """Read, check and assemble a configuration.

    overrides: "learning.rate=0.1", as after --set. Raises ConfigFaults with every fault that could be found at once,
    ConfigError for a file that cannot be read, UsageError for a malformed override.
    """
    document = load_document(path, packaged=packaged_configs(), overrides=overrides)
    assembly = check(document)
    document.faults.raise_if_any()
    assert assembly is not None
    return assembly


def check(document: Document) -> Assembly | None:
    """Note every fault of a document; the assembly where there is none.

    Checks between sections are skipped where a section they need has faults of its own, and the document says so.
    """
    if document.broken:
        return None
    header = validate(document, (), sections.Header)
    read: dict[str, Any] = {
        name: validate(document, (name,), model)
        for name, model in SECTIONS.items()
        if document.get((name,)) is not None or name in OPTIONAL
    }
    network: sections.Network | None = read.get("network")
    learning: sections.Learning | None = read.get("learning")
    acquisition: sections.Acquisition | None = read.get("acquisition")
    limits: sections.Limits | None = read.get("limits")
    devices, faulty = read_devices(document)
    layout = read_layout(document, network) if network else None
    board = task = tones = timing = None
    skipped = []
    # The digitizer's limit first: at a rate nobody can sample, the window is not to blame for its many samples.
    if (
        acquisition
        and learning
        and limits
        and (
            check_sample_rate(document, acquisition, devices)
            or acquisition.sample_rate * acquisition.window < MOST_SAMPLES
        )
    ):
        tones = read_tones(document, acquisition, learning, limits.step)
    if network and layout and _is_map(document, "instruments") and _is_map(document, "wiring"):
        board = read_board(document, layout, devices, faulty, ordered=network.layered is not None)
    else:
        skipped.append("wiring")
    if faulty:
        skipped.append(f"wiring of {', '.join(sorted(faulty))}")
    if header:
        check_bench(document, header.bench, devices)
    faults: tuple[Fault, ...] = ()
    if header and read.get("simulation"):
        hookup = board.hookup if board else None
        faults = read_faults(document, read["simulation"].faults, header.bench, devices, faulty, hookup)
    if network and board:
        check_range(document, network, board, devices)
    if network and board and learning and read.get("task"):
        task = read_task(document, read["task"], learning, network, board, header.seed if header else 0)
    else:
        skipped.append("task")
    if board and acquisition and learning and limits and tones:
        timing = read_timing(document, acquisition, tones, board, devices, limits.step, _examples(learning, task))
        if timing and task:
            check_length(document, learning, len(task.train), timing.plan.duration_s)
    else:
        skipped.append("timing")
    if board and learning and read.get("timing"):
        check_synchronization(document, read["timing"], board, devices, learning.activation)
    if board and learning and task and acquisition and limits:
        check_drive(document, board, devices, read["task"], task, learning, acquisition, limits, tones)
    else:
        skipped.append("limits")
    if document.faults and skipped:
        document.faults.note(f"not checked until these are mended: {', '.join(skipped)}")
    if document.faults or not (
        header and network and learning and acquisition and limits and board and task and timing
    ):
        return None
    return Assembly(
        document=effective(document, header, read, devices),
        header=header,
        network=network,
        task_section=read["task"],
        learning=learning,
        acquisition=acquisition,
        storage=read["storage"],
        simulation=read["simulation"],
        limits=Limits(limits.node, limits.edge_power, limits.step),
        devices=devices,
        board=board,
        timing=timing,
        synchronization=read["timing"],
        task=task,
        faults=faults,
    )


def _examples(learning: sections.Learning, task: Task | None) -> int:
    """Examples of one training step."""
    return min(learning.batch, len(task.train)) if task else learning.batch


def _is_map(document: Document, name: str) -> bool:
    """Whether a section is there and can be read; where it is not the header was told so."""
    section = document.get((name,))
    return section is not None and isinstance(section.value, dict)


def packaged_configs() -> Path:
    """The folder of the configurations that come with labrig."""
    inside = Path(str(files("labrig"))) / "_data" / "configs"
    return inside if inside.is_dir() else Path(str(files("labrig"))).parent / "configs"
