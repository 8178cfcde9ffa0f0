"""In-process instruments around one World: the driver contracts with the capabilities of the named models.

Nothing sleeps: time passes only on the simulated clock. A source shows its new program `settle_s` after its start,
until then the old one goes on: settling is real even where the network has no memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from labrig.clock import SimulatedClock
from labrig.errors import ConfigError, ConnectionFailed, DeadlineExceeded, LimitExceeded
from labrig.instruments.data import (
    AcquisitionPlan,
    Block,
    Continuous,
    Identity,
    LevelTable,
    ProgramReport,
    Setting,
    Target,
)
from labrig.instruments.drivers import DigitizerCapabilities, ProgrammerCapabilities, SourceCapabilities
from labrig.instruments.parts import Part
from labrig.random_streams import RandomStream
from labrig.signals.tones import SILENT, ToneProgram
from labrig.simulation.faults import ConnectionFault, PowerFault, SilenceFault
from labrig.simulation.front_end import FrontEnd
from labrig.simulation.imperfections import Imperfections
from labrig.simulation.world import World


@dataclass
class Stage:
    """What the faces of one bench share: the World, the clock, the trigger line, the seed."""

    world: World
    clock: SimulatedClock
    imperfections: Imperfections
    seed: int
    armed: bool = False
    triggered_at: float | None = None
    start_delay_s: float = 0.0

    def __post_init__(self) -> None:
        self._phases = RandomStream(self.seed, "trigger phase")

    def trigger(self) -> None:
        """A source starts. If a digitizer waits, its first scan is now.

        Sources run freely until triggered, so tones meet the first scan at a random phase, common to all sources.
        """
        if self.armed:
            self.armed = False
            self.triggered_at = self.clock.now()
            number = self.world.begin_acquisition(self.triggered_at)
            self.start_delay_s = self._phases.uniform(number)


SILENCE_S = 1.0
"""How long a face waits for an instrument that a fault keeps from answering."""


class Face:
    """What all faces have in common: a name, and the state of their connection, which faults may cut."""

    def __init__(self, name: str, stage: Stage) -> None:
        self.name = name
        self.identity = Identity(model="generic", serial=f"simulated-{name}")
        self._stage = stage
        self._open = False

    def open(self) -> None:
        self._require_connected("open")
        self._require_answer("open")
        self._open = True

    def identify(self) -> Identity:
        self._require_open("identify")
        return self.identity

    def close(self) -> None:
        self._open = False

    def _require_open(self, action: str) -> None:
        if not self._open:
            raise ConnectionFailed("is not open", device=self.name, action=action)
        self._require_connected(action)
        self._require_answer(action)

    def _require_connected(self, action: str) -> None:
        faults = self._stage.world.faults
        faults.poll()
        if faults.active(self.name, ConnectionFault):
            raise ConnectionFailed("was lost", device=self.name, action=action, remedy="check its cable and its power")

    def _require_answer(self, action: str) -> None:
        if self._stage.world.faults.active(self.name, SilenceFault):
            self._stage.clock.sleep(SILENCE_S)
            raise DeadlineExceeded("did not answer", device=self.name, action=action, limit=f"{SILENCE_S:g} s")


class SimulatedSource(Face):
    def __init__(self, name: str, stage: Stage, capabilities: SourceCapabilities) -> None:
        super().__init__(name, stage)
        self._capabilities = capabilities
        self._loaded: dict[str, ToneProgram] = {}
        self._playing: dict[str, ToneProgram] = {}

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        self._require_open("load")
        self._loaded = {channel: programs.get(channel, SILENT) for channel in self._capabilities.channels}
        return dict(programs)

    def arm(self) -> None:
        self._require_open("arm")

    def start(self) -> None:
        self._require_open("start")
        self._stage.trigger()
        self._play(self._loaded)

    def confirm(self) -> None:
        self._require_open("confirm")

    def idle(self) -> None:
        self._require_open("idle")
        self._play(dict.fromkeys(self._capabilities.channels, SILENT))

    def make_safe(self) -> None:
        if self._open:
            self._require_connected("make safe")
        for channel in self._capabilities.channels:
            self._stage.world.drive(self._effective(), f"{self.name}/{channel}", None)
        self._playing = {}
        if self._open:
            self._require_answer("make safe")

    def _play(self, programs: Mapping[str, ToneProgram]) -> None:
        for channel, program in programs.items():
            if program.tones or self._playing.get(channel) != program:
                self._stage.world.drive(self._effective(), f"{self.name}/{channel}", self._shifted(program))
        self._playing = dict(programs)

    def _effective(self) -> float:
        return self._stage.clock.now() + self._capabilities.settle_s

    def _shifted(self, program: ToneProgram) -> ToneProgram:
        """The program as it is when it takes effect: its tones count from the trigger, before which their generator has
        already run for the start delay."""
        return program.after(self._stage.start_delay_s + self._capabilities.settle_s)


class SimulatedDigitizer(Face):
    def __init__(self, name: str, stage: Stage, capabilities: DigitizerCapabilities) -> None:
        super().__init__(name, stage)
        self._capabilities = capabilities
        self._plan: AcquisitionPlan | None = None
        self._armed = False
        self._front_end = FrontEnd(
            name,
            capabilities.channels,
            capabilities.bits,
            capabilities.full_scale_v,
            stage.imperfections,
            stage.imperfections.convert,
        )

    def configure(self, plan: AcquisitionPlan) -> AcquisitionPlan:
        self._require_open("configure")
        unknown = sorted(set(plan.channels) - set(self._capabilities.channels))
        if unknown:
            raise ConfigError(f"has no channel {unknown[0]!r}", device=self.name, action="configure")
        if plan.sample_rate_hz > self._capabilities.max_sample_rate_hz:
            raise ConfigError(
                f"cannot sample at {plan.sample_rate_hz:g} S/s",
                device=self.name,
                limit=f"{self._capabilities.max_sample_rate_hz:g} S/s",
                remedy="lower acquisition.sample_rate",
            )
        self._plan = replace(
            plan,
            ranges_v=(self._capabilities.full_scale_v,) * len(plan.channels),
            skew_s=tuple(k * self._capabilities.convert_interval_s for k in range(len(plan.channels))),
            u_offset_v=self._stage.imperfections.u_offset_v,
            u_gain=self._stage.imperfections.u_gain,
        )
        return self._plan

    def arm(self) -> None:
        self._require_open("arm")
        self._armed = True
        self._stage.armed = True
        self._stage.triggered_at = None

    def start(self) -> None:
        """Nothing: on this bench a source's start is the trigger, at the same moment of the simulated clock."""
        self._require_open("start")

    def read(self, timeout_s: float) -> Block:
        self._require_open("read")
        stage, plan = self._stage, self._plan
        if plan is None or not self._armed:
            raise ConnectionFailed("is not armed", device=self.name, action="read")
        if stage.triggered_at is None:
            stage.clock.sleep(timeout_s)
            raise DeadlineExceeded(
                "saw no start trigger",
                device=self.name,
                action="read",
                limit=f"{timeout_s:g} s",
                remedy="start a source",
            )
        remaining = stage.triggered_at + plan.duration_s - stage.clock.now()
        if remaining > timeout_s:
            stage.clock.sleep(timeout_s)
            raise DeadlineExceeded(
                f"needs {remaining:g} s for what it was asked for",
                device=self.name,
                action="read",
                limit=f"{timeout_s:g} s",
            )
        self._armed = False
        stage.world.faults.poll(stage.triggered_at + plan.duration_s)  # what happens while it samples
        volts = self._front_end.sample(
            stage.world,
            plan.channels,
            stage.triggered_at,
            plan.sample_rate_hz,
            (0, plan.total_samples),
            stage.world.acquisitions,
            plan.skew_s,
        )
        stage.clock.sleep(remaining)
        codes, overrange = self._front_end.codes(volts)
        scale = np.tile([0.0, self._front_end.step_v, 0.0, 0.0], (len(plan.channels), 1))
        return Block(codes, scale, 0, overrange)

    def make_safe(self) -> None:
        """A digitizer drives nothing."""
        self._armed = False


class SimulatedProgrammer(Face):
    """A bank of programmable parts, which powers up as they do; unwired channels are held but lead nowhere.

    parts: the specimen in each channel. Without converters any conductance between the extremes can be had exactly.
    """

    def __init__(self, name: str, stage: Stage, capabilities: ProgrammerCapabilities, parts: Sequence[Part]) -> None:
        super().__init__(name, stage)
        self._capabilities = capabilities
        self._parts = dict(zip(capabilities.channels, parts, strict=True))
        self._ideal = not stage.imperfections.convert
        part = capabilities.part
        self._levels = _without_steps(part.levels()) if self._ideal else part.levels()
        self._power_up = Target(part.conductance(part.power_up)) if self._ideal else part.power_up
        self._held: dict[str, Setting] = dict.fromkeys(capabilities.channels, self._power_up)
        self._table = dict(self._held)  # what it should hold; as `_held`, unless it was reset
        self._interrupted = False  # whether it was reset since `program` returned
        stage.world.faults.when_begun(name, PowerFault, self._reset)

    def levels(self) -> dict[str, LevelTable | Continuous]:
        return dict.fromkeys(self._capabilities.channels, self._levels)

    def program(self, settings: Mapping[str, Setting]) -> ProgramReport:
        self._require_open("program")
        changed = {channel: setting for channel, setting in settings.items() if self._table.get(channel) != setting}
        self._table.update(changed)
        self._write()
        interrupted, self._interrupted = self._interrupted, False
        written = tuple(changed)
        return ProgramReport(written, written, (), self.read_back(written), interrupted=interrupted)

    def read_back(self, channels: Iterable[str]) -> dict[str, Setting]:
        self._require_open("read back")
        wanted = list(channels)
        unknown = sorted(set(wanted) - set(self._held))
        if unknown:
            raise LimitExceeded(f"has no channel {unknown[0]!r}", device=self.name, action="read back")
        if self._held != self._table:
            self._write()
        return {channel: self._held[channel] for channel in wanted}

    def keep_alive(self) -> None:
        """Nothing: it has no watchdog."""
        self._require_open("keep alive")

    def make_safe(self) -> None:
        """Wipers stay: a rheostat drives nothing by itself."""

    def _write(self) -> None:
        """Bring what it holds to the table."""
        self._show(
            self._stage.clock.now(), {c: setting for c, setting in self._table.items() if self._held[c] != setting}
        )
        self._stage.clock.sleep(self._capabilities.write_s)

    def _reset(self, t: float) -> None:
        """At t it starts anew, with the settings of power-up."""
        self._interrupted = True
        self._show(t, dict.fromkeys(self._held, self._power_up))

    def _show(self, t: float, settings: Mapping[str, Setting]) -> None:
        """From t on it holds these settings, and the World sees them."""
        self._held.update(settings)
        edges = self._stage.world.wiring.edges
        actual = {
            edges[key]: self._siemens(channel, setting)
            for channel, setting in settings.items()
            if (key := f"{self.name}/{channel}") in edges
        }
        if actual:
            self._stage.world.set(t, actual)

    def _siemens(self, channel: str, setting: Setting) -> float:
        if self._ideal and isinstance(setting, Target):
            return setting.siemens
        return self._parts[channel].conductance(setting)


def _without_steps(levels: LevelTable | Continuous) -> Continuous:
    """Every conductance between the extremes of these levels."""
    if isinstance(levels, Continuous):
        return levels
    return Continuous(float(levels.siemens[0]), float(levels.siemens[-1]))
