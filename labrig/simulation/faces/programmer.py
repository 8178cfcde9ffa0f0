"""The face of a programmer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from labrig.errors import LimitExceeded
from labrig.instruments.data import Continuous, LevelTable, ProgramReport, Setting, Target
from labrig.instruments.drivers import ProgrammerCapabilities
from labrig.instruments.parts import Part
from labrig.simulation.faces.context import SimulatedContext
from labrig.simulation.faces.face import Face
from labrig.simulation.faults import EdgeFault, PowerFault


class SimulatedProgrammer(Face):
    """A bank of programmable parts; channels that are not wired keep their settings without effect.

    parts: the actual part in each channel. If instruments do not round, every conductance in range is realized exactly.
    """

    def __init__(
        self, name: str, context: SimulatedContext, capabilities: ProgrammerCapabilities, parts: Sequence[Part]
    ) -> None:
        super().__init__(name, context)
        self._capabilities = capabilities
        self._parts = dict(zip(capabilities.channels, parts, strict=True))
        self._ideal = not context.imperfections.convert
        part = capabilities.part
        self._levels = _without_steps(part.levels()) if self._ideal else part.levels()
        self._power_up = Target(part.conductance(part.power_up)) if self._ideal else part.power_up
        self._held: dict[str, Setting] = dict.fromkeys(capabilities.channels, self._power_up)
        self._table = dict(self._held)  # the settings that channels should hold
        self._unwritten: set[str] = set()  # channels whose entry in `_table` differs from `_held`
        self._interrupted = False  # whether the bank was reset since `program` returned
        wired = context.world.wiring.edges
        self._edge_of = {channel: wired[f"{name}/{channel}"] for channel in self._held if f"{name}/{channel}" in wired}
        context.world.faults.when_begun(name, PowerFault, self._reset)
        context.world.faults.when_begun(name, EdgeFault, lambda t: self._show(t, self._held))

    def levels(self) -> dict[str, LevelTable | Continuous]:
        """Return the nominal conductances that each channel can realize."""
        return dict.fromkeys(self._capabilities.channels, self._levels)

    def program(self, settings: Mapping[str, Setting]) -> ProgramReport:
        """Write settings by channel."""
        self._require_open("program")
        changed = {channel: setting for channel, setting in settings.items() if self._table.get(channel) != setting}
        self._table.update(changed)
        self._unwritten.update(changed)
        self._write()
        interrupted, self._interrupted = self._interrupted, False
        written = tuple(changed)
        verified = written if self._capabilities.reads_back else ()
        return ProgramReport(written, verified, (), self.read_back(verified), interrupted=interrupted)

    def read_back(self, channels: Iterable[str]) -> dict[str, Setting]:
        """Return the settings that these channels hold."""
        self._require_open("read back")
        wanted = list(channels)
        unknown = sorted(channel for channel in wanted if channel not in self._held)
        if unknown:
            raise LimitExceeded(
                f"has no channel {unknown[0]!r}; name one of its channels", device=self.name, action="read back"
            )
        if self._unwritten:
            self._write()
        return {channel: self._held[channel] for channel in wanted}

    def keep_alive(self) -> None:
        """Do nothing: a simulated programmer has no watchdog."""
        self._require_open("keep alive")

    def leave(self) -> None:
        """Do nothing: the settings stay."""
        self._require_open("leave")

    def make_safe(self) -> None:
        """Do nothing: wipers stay, as a rheostat drives nothing by itself."""

    def show_again(self) -> None:
        """Pass the held settings to the World again, because resumed faults may have changed parts."""
        self._show(self._context.clock.now(), self._held)

    def _write(self) -> None:
        """Write every channel whose setting differs from the table."""
        self._show(self._context.clock.now(), {channel: self._table[channel] for channel in self._unwritten})
        self._unwritten.clear()
        self._context.clock.sleep(self._capabilities.write_s)

    def _reset(self, t: float) -> None:
        """Restart at t with the settings of power-up."""
        self._interrupted = True
        self._show(t, dict.fromkeys(self._held, self._power_up))
        self._unwritten = {channel for channel, setting in self._table.items() if setting != self._power_up}

    def _show(self, t: float, settings: Mapping[str, Setting]) -> None:
        """Hold these settings from t on, and pass their actual conductances to the World."""
        self._held.update(settings)
        changed = self._changed(t)
        actual = {
            self._edge_of[channel]: self._siemens(channel, setting) * changed.get(channel, 1.0)
            for channel, setting in settings.items()
            if channel in self._edge_of
        }
        if actual:
            self._context.world.set(t, actual)

    def _changed(self, t: float) -> dict[str, float]:
        """Return the relative conductance of each channel whose part a fault has changed by t."""
        faults, found = self._context.world.faults, dict[str, float]()
        if not faults.empty:
            for fault, channel, *_ in faults.during(self.name, EdgeFault, t, t):
                found[channel or ""] = found.get(channel or "", 1.0) * fault.factor
        return found

    def _siemens(self, channel: str, setting: Setting) -> float:
        if self._ideal and isinstance(setting, Target):
            return setting.siemens
        return self._parts[channel].conductance(setting)


def _without_steps(levels: LevelTable | Continuous) -> Continuous:
    """Return the continuous range between the extremes of these levels."""
    if isinstance(levels, Continuous):
        return levels
    return Continuous(float(levels.siemens[0]), float(levels.siemens[-1]))
