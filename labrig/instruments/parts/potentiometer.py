"""Digital potentiometers used as rheostats, from their data sheets.

The conductance of a code is 1 / (series + wiper + end_to_end · code / steps), where `series` is a resistor soldered in
series, if there is one. The levels are very unevenly spaced, so use ranges
in which they are dense. Sources: Microchip DS22060 (MCP4251: 257 codes, R_W 75 Ω typical, R_AB ± 20 %, supply 1.8 to
5.5 V) and DS22096 (MCP4651: the same, from 2.7 V); Analog Devices AD5293 Rev. D (1024 codes, R_AB ± 1 %, supply 9 to
33 V, R_W 60 Ω typical), AD5204/AD5206 Rev. C (256 codes, supply 2.7 to 5.5 V or ± 2.7 V), AD5220 Rev. 0 (128 codes).
The R_AB tolerance of ± 30 % of the AD5206 and the AD5220, and their R_W of 45 Ω and 40 Ω (typical), are from memory.
"""

from __future__ import annotations

from copy import copy
from typing import Any, Self

import numpy as np
from typing_extensions import override

from labrig.instruments.data import Level, LevelTable, Setting
from labrig.instruments.parts.part import Part
from labrig.quantities import format_quantity


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
    series_ohm : float
        Resistor in series with the wiper (Ω), taken as exact.
    """

    end_to_end_ohm: float
    wiper_ohm: float
    steps: int
    highest_code: int
    tolerance: float
    series_ohm: float = 0.0

    def in_series(self, ohm: float) -> Self:
        """Return this potentiometer with a resistor (Ω) in series with each wiper."""
        found = copy(self)
        found.series_ohm = ohm
        found.name = f"{self.chip_name} + {format_quantity(ohm, 'resistance')}"
        # Only the end-to-end resistance is uncertain. The relative error of the sum is largest at the highest code.
        found.tolerance = self.tolerance * self.end_to_end_ohm / (self.end_to_end_ohm + self.wiper_ohm + ohm)
        return found

    @override
    def levels(self) -> LevelTable:
        """Conductance of every code (S), in increasing order."""
        codes = np.arange(self.highest_code, -1, -1, dtype=np.int64)
        return LevelTable(codes, self._siemens(codes), self.tolerance)

    @property
    @override
    def power_up(self) -> Level:
        """The code at mid-scale."""
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
        specimen.end_to_end_ohm = self.end_to_end_ohm * (1 + type(self).tolerance * generator.uniform(-1.0, 1.0))
        return specimen

    def _siemens(self, codes: Any) -> Any:
        return 1.0 / (self.series_ohm + self.wiper_ohm + self.end_to_end_ohm * codes / self.steps)


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


class MCP4651_104(MCP4251_104):
    """Microchip MCP4651-104: 100 kΩ, 8 bits, two per package, on a two-wire bus."""

    name = "MCP4651-104"
    chip = ("P0: W, B", "P1: W, B")
    supply_span_v = (2.7, 5.5)


class FromA(Potentiometer):
    """A potentiometer whose rheostat is between A and W: code 0 has the lowest conductance.

    The conductance of a code is 1 / (series + wiper + end_to_end · (steps − code) / steps). Parts are used
    this way if their safe state is at this end: those that open terminal A, and those that cannot open any terminal.
    """

    @override
    def levels(self) -> LevelTable:
        codes = np.arange(self.highest_code + 1, dtype=np.int64)
        return LevelTable(codes, self._siemens(codes), self.tolerance)

    @override
    def _siemens(self, codes: Any) -> Any:
        return super()._siemens(self.steps - codes)


class AD5293_100(FromA):
    """Analog Devices AD5293-100: 100 kΩ, 10 bits. In shutdown, A is open and W is connected to B."""

    name = "AD5293-100"
    end_to_end_ohm = 100e3
    wiper_ohm = 60.0
    steps = 1024
    highest_code = 1023
    tolerance = 0.01
    supply_span_v = (9.0, 33.0)
    chip = ("A 3, W 4",)  # 14-pin package; B is not connected


class AD5206_100(FromA):
    """Analog Devices AD5206-100: 100 kΩ, 8 bits, six per package. It has no read-back and cannot be opened."""

    name = "AD5206-100"
    end_to_end_ohm = 100e3
    wiper_ohm = 45.0
    steps = 256
    highest_code = 255
    tolerance = 0.30
    supply_span_v = (2.7, 5.5)
    chip = tuple(f"A{k}, W{k}" for k in range(1, 7))
    reads_back = False
    opens = False


class AD5220_100(FromA):
    """Analog Devices AD5220-100: 100 kΩ, 7 bits, stepped by pulses. It has no read-back and cannot be opened."""

    name = "AD5220-100"
    end_to_end_ohm = 100e3
    wiper_ohm = 40.0
    steps = 128
    highest_code = 127
    tolerance = 0.30
    supply_span_v = (2.7, 5.5)
    chip = ("A 3, W 5",)  # 8-pin package; B is not connected
    reads_back = False
    opens = False
