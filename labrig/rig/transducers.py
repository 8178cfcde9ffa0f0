"""A programmer behind transducers, which turn its siemens into the unit of the medium."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from labrig.instruments.contracts import ConductanceProgrammer
from labrig.instruments.data import Continuous, LevelTable, ProgramReport, Setting, Target, scaled_levels
from labrig.instruments.wrapped import WrappedProgrammer

ROUNDING = 1e-12
"""Largest relative difference that counts as rounding of a product."""


class TransducedProgrammer(WrappedProgrammer):
    """A programmer in the unit of the medium, such as N/m or m³/(s·Pa).

    Parameters
    ----------
    programmer : ConductanceProgrammer
        The programmer in siemens.
    per_siemens : mapping of str to float
        Parameter of the medium per siemens for the transducer at each channel; channels that are not named have no
        transducer.
    """

    def __init__(self, programmer: ConductanceProgrammer, per_siemens: Mapping[str, float]) -> None:
        super().__init__(programmer)
        self._per_siemens = dict(per_siemens)
        self._levels: dict[str, LevelTable | Continuous] = {}
        self._asked: dict[str, tuple[Setting, Setting]] = {}  # by channel: the setting sent, and the one requested

    def levels(self) -> dict[str, LevelTable | Continuous]:
        """Levels, or continuous range, of each channel in the unit of the medium."""
        made: dict[tuple[int, float], LevelTable | Continuous] = {}
        given = self._levels = self._programmer.levels()
        for channel, levels in given.items():
            key = id(levels), self._factor(channel)
            if key not in made:
                made[key] = scaled_levels(levels, self._factor(channel))
        return {channel: made[id(levels), self._factor(channel)] for channel, levels in given.items()}

    def program(self, settings: Mapping[str, Setting]) -> ProgramReport:
        """Write settings by channel."""
        sent = {channel: self._in_siemens(channel, each) for channel, each in settings.items()}
        self._asked.update({channel: (sent[channel], each) for channel, each in settings.items()})
        report = self._programmer.program(sent)
        return replace(report, read_back=self._in_medium(report.read_back))

    def refresh(self) -> ProgramReport:
        """Read every cell, and rewrite those that have drifted."""
        report = super().refresh()
        return replace(report, read_back=self._in_medium(report.read_back))

    def read_back(self, channels: Iterable[str]) -> dict[str, Setting]:
        """The settings of these channels."""
        return self._in_medium(self._programmer.read_back(channels))

    def _in_medium(self, settings: Mapping[str, Setting]) -> dict[str, Setting]:
        """Settings in the unit of the medium; a setting that is still held is returned exactly as requested."""
        found: dict[str, Setting] = {}
        for channel, held in settings.items():
            sent, asked = self._asked.get(channel, (None, held))
            found[channel] = asked if held == sent else _scaled(held, self._factor(channel))
        return found

    def _in_siemens(self, channel: str, setting: Setting) -> Setting:
        """Return a setting for the programmer; within rounding of an end of the range, it is set to that end."""
        levels, asked = self._levels.get(channel), _scaled(setting, 1 / self._factor(channel))
        if isinstance(asked, Target) and isinstance(levels, Continuous):
            for end in (levels.minimum, levels.maximum):
                if abs(asked.siemens - end) < ROUNDING * end:
                    return replace(asked, siemens=end)
        return asked

    def _factor(self, channel: str) -> float:
        return self._per_siemens.get(channel, 1.0)


def _scaled(setting: Setting, factor: float) -> Setting:
    return Target(setting.siemens * factor, setting.tolerance) if isinstance(setting, Target) else setting
