"""A filamentary ReRAM cell of up to 40 µS: noisy writes, and relaxation afterwards.

The standard deviation of a written conductance is 0.348 + 16.03x − 43.853x² + 45.393x³ − 16.815x⁴ (µS), x = g/g_max.
Source: the fit in IBM's aihwkit (`ReRamWan2022NoiseModel`, 1 s) to W. Wan et al., Nature 608:504–512, 2022.

Afterwards the conductance shifts by ln(1 + t/1 s) times −0.089 µS on average, with a standard deviation of 0.042 µS.
Source: the fit in aihwkit (`ReRamCMONoiseModel`) to the retention of CMO/HfOx cells by Falcone et al.

Assumed, because neither source describes single pulses: a pulse moves the conductance towards the end of its range by a
share of the remaining distance. The share grows with the amplitude above a threshold, up to 30 %. The scatter of a
pulse is the same share of the published standard deviation.
"""

from __future__ import annotations

import math

import numpy as np
from typing_extensions import override

from labrig.instruments.parts.memristor import CellState, Memristor
from labrig.instruments.write_verify import Ramp

MOST_S = 40e-6
LEAST_S = 1e-6
SPREAD_US = (0.348, 16.030, -43.853, 45.393, -16.815)
"""Coefficients of x⁰ to x⁴ (µS)."""
SHIFT_S, SHIFT_SPREAD_S = -0.089e-6, 0.042e-6
LARGEST_SHARE = 0.3


class ReRam(Memristor):
    """A ReRAM cell of 4 µS to 36 µS."""

    name = "RERAM"
    minimum_s = 4e-6
    maximum_s = 36e-6
    initial_s = 20e-6
    ramp = Ramp(start_v=0.8, stop_v=2.0, step_v=0.1, width_s=1e-6, budget=500)
    quiet_v = 0.5

    @override
    def pulsed(self, siemens: float, volts: float, width_s: float, generator: np.random.Generator) -> CellState:
        strength = min(1.0, (abs(volts) - self.quiet_v) / (self.ramp.stop_v - self.quiet_v))
        if strength <= 0:
            return CellState(siemens)
        share = LARGEST_SHARE * strength**2
        end = MOST_S if volts > 0 else LEAST_S
        moved = siemens + share * (end - siemens)
        scattered = moved + share * spread(moved) * generator.standard_normal()
        drift = SHIFT_S + SHIFT_SPREAD_S * generator.standard_normal()
        return CellState(min(max(scattered, LEAST_S), MOST_S), drift)

    @override
    def after(self, state: CellState, age_s: float) -> float:
        return min(max(state.siemens + state.drift * math.log1p(age_s), LEAST_S), MOST_S)


def spread(siemens: float) -> float:
    """Return the published standard deviation of a written conductance (S)."""
    x = siemens / MOST_S
    return 1e-6 * sum(coefficient * x**power for power, coefficient in enumerate(SPREAD_US))
