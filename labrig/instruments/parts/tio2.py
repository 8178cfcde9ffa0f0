"""A TiO2 memristor, described by a rate law.

A pulse of amplitude V drives the resistance towards r(V) = a0 + a1·V at the rate s·(r − R)², s = A·(exp(|V|/t) − 1).
For a rectangular pulse of width w this has a closed form: the distance u to r(V) becomes u/(1 + s·u·w). Positive pulses
raise the resistance. A pulse never moves the resistance away from r(V).

Source: I. Messaris et al., A data-driven Verilog-A ReRAM model, IEEE Trans. CAD 37(12):3151–3162, 2018, with the
parameters of their TiO2 device: A = ±11.483, t = 1.731, a0 = 9000 Ω and 5000 Ω, a1 = 500 Ω/V. Assumed: a spread of
5 % from cell to cell in a0, up to three standard deviations, and of 0.3 (lognormal) from pulse to pulse in s.
"""

from __future__ import annotations

import math
from copy import copy
from typing import Self

import numpy as np
from typing_extensions import override

from labrig.instruments.parts.memristor import CellState, Memristor
from labrig.instruments.write_verify import Ramp

RATE = 11.483
VOLTAGE_V = 1.731
SLOPE_OHM_PER_V = 500.0
CELL_SPREAD = 0.05
MOST_DEVIATIONS = 3.0
"""Limit of a cell's deviation (standard deviations): beyond 3.4, a cell does not reach 8.5 kΩ within its pulses."""
PULSE_SPREAD = 0.3


class TiO2(Memristor):
    """A TiO2 memristor of 5.5 kΩ to 8.5 kΩ, which does not drift."""

    name = "TIO2"
    minimum_s = 1 / 8500.0
    maximum_s = 1 / 5500.0
    initial_s = 1 / 7000.0
    ramp = Ramp(start_v=0.4, stop_v=2.0, step_v=0.1, width_s=1e-6, raising=-1)
    highest_ohm = 9000.0
    lowest_ohm = 5000.0

    @override
    def pulsed(self, siemens: float, volts: float, width_s: float, generator: np.random.Generator) -> CellState:
        ohm = 1 / siemens
        limit = (self.highest_ohm if volts > 0 else self.lowest_ohm) + SLOPE_OHM_PER_V * volts
        rate = RATE * math.expm1(abs(volts) / VOLTAGE_V) * math.exp(PULSE_SPREAD * generator.standard_normal())
        distance = limit - ohm if volts > 0 else ohm - limit
        if distance <= 0:
            return CellState(siemens)
        left = distance / (1 + rate * distance * width_s)
        return CellState(1 / (limit - left if volts > 0 else limit + left))

    @override
    def drawn(self, generator: np.random.Generator) -> Self:
        specimen = copy(self)
        specimen.highest_ohm, specimen.lowest_ohm = (
            ohm * math.exp(CELL_SPREAD * min(max(generator.standard_normal(), -MOST_DEVIATIONS), MOST_DEVIATIONS))
            for ohm in (self.highest_ohm, self.lowest_ohm)
        )
        return specimen
