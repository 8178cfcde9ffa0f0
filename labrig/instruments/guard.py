"""Device guards, which enforce limits in front of every driver and on the simulated bench.

A guard wraps a source or a programmer and implements the same contract.
"""

from __future__ import annotations

from collections.abc import Mapping

from labrig.errors import LimitExceeded
from labrig.instruments.contracts import ConductanceProgrammer, WaveformSource
from labrig.instruments.data import (
    Continuous,
    Level,
    LevelTable,
    ProgramReport,
    Setting,
    distinct,
)
from labrig.instruments.drivers import ProgrammerCapabilities, SourceCapabilities
from labrig.instruments.wrapped import WrappedProgrammer, WrappedSource
from labrig.signals.tones import ToneProgram


class GuardedSource(WrappedSource):
    """A source that refuses unknown channels, voltages beyond full scale, and DC levels on AC-coupled outputs.

    The error is LimitExceeded.
    """

    def __init__(self, name: str, source: WaveformSource, capabilities: SourceCapabilities) -> None:
        super().__init__(source)
        self._name = name
        self._capabilities = capabilities
        self._channels = frozenset(capabilities.channels)

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        """Check channels, peak voltages and levels, then load."""
        full_scale = self._capabilities.full_scale_v
        for channel, program in programs.items():
            if channel not in self._channels:
                raise LimitExceeded(
                    f"has no channel {channel!r}", device=self._name, action="load", remedy="correct it under `wiring:`"
                )
            if not program.peak <= full_scale:
                raise LimitExceeded(
                    f"channel {channel} would have to play {program.peak:.4g} V",
                    device=self._name,
                    action="load",
                    limit=f"full scale {full_scale:g} V",
                    remedy="lower the drive, the error current or its injection resistance",
                )
            if self._capabilities.lowest_hz and program.dc != 0:
                raise LimitExceeded(
                    f"channel {channel} is AC-coupled and cannot play a level of {program.dc:.4g} V",
                    device=self._name,
                    action="load",
                    remedy="use tones ('learning.activation: sine'), or another source",
                )
        return self._source.load(programs)


class GuardedProgrammer(WrappedProgrammer):
    """A programmer that raises LimitExceeded for settings that a channel cannot realize, and counts its writes."""

    def __init__(self, name: str, programmer: ConductanceProgrammer, capabilities: ProgrammerCapabilities) -> None:
        super().__init__(programmer)
        self._name = name
        self._capabilities = capabilities
        self._levels: dict[str, LevelTable | Continuous] = {}
        self._codes: dict[str, frozenset[int]] = {}
        self.writes: dict[str, int] = {}

    def levels(self) -> dict[str, LevelTable | Continuous]:
        """The programmer's levels, which are read only once."""
        if not self._levels:
            self._levels = self._programmer.levels()
            tables = {channel: table for channel, table in self._levels.items() if isinstance(table, LevelTable)}
            codes = {key: frozenset(table.codes.tolist()) for key, table in distinct(tables.values()).items()}
            self._codes = {channel: codes[id(table)] for channel, table in tables.items()}
        return self._levels

    def program(self, settings: Mapping[str, Setting]) -> ProgramReport:
        """Check the settings, count the writes, then program."""
        levels = self.levels()
        for channel, setting in settings.items():
            if channel not in levels:
                raise LimitExceeded(
                    f"has no channel {channel!r}",
                    device=self._name,
                    action="program",
                    remedy="correct it under `wiring:`",
                )
            self._check(channel, levels[channel], setting)
        for channel in settings:
            self.writes[channel] = self.writes.get(channel, 0) + 1
        return self._programmer.program(settings)

    def _check(self, channel: str, realizable: LevelTable | Continuous, setting: Setting) -> None:
        by_code = isinstance(realizable, LevelTable)
        written = f"code {setting.code}" if isinstance(setting, Level) else f"{setting.siemens:.4g} S"
        if by_code != isinstance(setting, Level):
            raise LimitExceeded(
                f"channel {channel} cannot be set to {written}",
                device=self._name,
                action="program",
                remedy="it is set by a code: Level(code)" if by_code else "it is set by a conductance: Target(siemens)",
            )
        if isinstance(setting, Level):
            if setting.code in self._codes[channel]:
                return
            problem = f"channel {channel} has no {written}"
        else:
            assert isinstance(realizable, Continuous)
            if realizable.minimum <= setting.siemens <= realizable.maximum:
                return
            problem = f"channel {channel} cannot be set to {written}"
        raise LimitExceeded(problem, device=self._name, action="program", limit="the range of the part")
