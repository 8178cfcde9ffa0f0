"""Digital potentiometers used as rheostats, from their data sheets.

The conductance of a code is 1 / (wiper + end_to_end · code / steps). The levels are very unevenly spaced, so use ranges
in which they are dense. Sources: Microchip DS22060 (MCP4251: 257 codes, R_W 75 Ω typical, R_AB ± 20 %, supply 1.8 to
5.5 V), Analog Devices AD5293 Rev. E (1024 codes, R_AB ± 1 %, supply 9 to 33 V, R_W 60 Ω typical).
"""

from __future__ import annotations

from copy import copy
from typing import Any, Self

import numpy as np
from typing_extensions import override

from labrig.instruments.data import Level, LevelTable, Setting
from labrig.instruments.parts.part import Part


class Potentiometer(Part):
    """A digital potentiometer; subclasses set its data.

    Attributes
    ----------
    end_to_end_ohm, wiper_ohm : float
        End-to-end and wiper resistance (Ω).
    steps, highest_code : int
        Number of steps of the resistor string, and the highest code.
    tolerance : float
        Relative tolerance of the end-to-end resistance.
    """

    end_to_end_ohm: float
    wiper_ohm: float
    steps: int
    highest_code: int
    tolerance: float

    @override
    def levels(self) -> LevelTable:
        """Conductance of every code (S), in increasing order."""
        codes = np.arange(self.highest_code, -1, -1, dtype=np.int64)
        return LevelTable(codes, self._siemens(codes), self.tolerance)

    @property
    @override
    def power_up(self) -> Level:
        """Mid scale."""
        return Level(self.steps // 2)

    @override
    def conductance(self, setting: Setting) -> float:
        if not isinstance(setting, Level):
            raise TypeError(f"{self.name} is set by a code, not by {setting}")
        return float(self._siemens(setting.code))

    @override
    def drawn(self, generator: np.random.Generator) -> Self:
        """Draw a specimen with an end-to-end resistance uniformly distributed within the tolerance."""
        specimen = copy(self)
        specimen.end_to_end_ohm = self.end_to_end_ohm * (1 + self.tolerance * generator.uniform(-1.0, 1.0))
        return specimen

    def _siemens(self, codes: Any) -> Any:
        return 1.0 / (self.wiper_ohm + self.end_to_end_ohm * codes / self.steps)


class MCP4251_104(Potentiometer):
    """Microchip MCP4251-104: 100 kΩ, 8 bits, two per package."""

    name = "MCP4251-104"
    end_to_end_ohm = 100e3
    wiper_ohm = 75.0
    steps = 256
    highest_code = 256
    tolerance = 0.20
    supply_span_v = (1.8, 5.5)
    chip = ("P0: W 9, B 10", "P1: W 6, B 5")  # 14-pin package


class MCP4251_103(MCP4251_104):
    """Microchip MCP4251-103: 10 kΩ, 8 bits, two per package."""

    name = "MCP4251-103"
    end_to_end_ohm = 10e3


class AD5293_100(Potentiometer):
    """Analog Devices AD5293-100: 100 kΩ, 10 bits."""

    name = "AD5293-100"
    end_to_end_ohm = 100e3
    wiper_ohm = 60.0
    steps = 1024
    highest_code = 1023
    tolerance = 0.01
    supply_span_v = (9.0, 33.0)
    chip = ("W, B",)
