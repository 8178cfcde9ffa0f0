"""A phase-change cell of up to 25 µS, which crystallizes and amorphizes in small steps and drifts.

After a write the conductance falls as g·(1 + t/t0)^−ν with t0 = 20 s, where ν of a cell lies between 0.049 and 0.1.
This is the usual law g·(t/t0)^−ν (V. Joshi et al., Nat. Commun. 11:2473, 2020; IBM's aihwkit has the same t0) without
its divergence at t = 0.

Assumed: a pulse moves the conductance towards the end of the range by a share of the remaining distance. The share
grows with the amplitude above a threshold, up to 25 %, with a spread of 0.3 (lognormal) from pulse to pulse.
"""

from __future__ import annotations

import math
from copy import copy
from typing import Self

import numpy as np
from typing_extensions import override

from labrig.instruments.parts.memristor import CellState, Memristor
from labrig.instruments.write_verify import Ramp

MOST_S = 25e-6
LEAST_S = 0.1e-6
DRIFT_S = 20.0
LEAST_DRIFT, MOST_DRIFT = 0.049, 0.1
LARGEST_SHARE = 0.25
PULSE_SPREAD = 0.3


class Pcm(Memristor):
    """A phase-change cell of 2.5 µS to 22.5 µS."""

    name = "PCM"
    minimum_s = 2.5e-6
    maximum_s = 22.5e-6
    initial_s = 10e-6
    ramp = Ramp(start_v=0.8, stop_v=2.4, step_v=0.1, width_s=100e-9)
    quiet_v = 0.5
    drift = (LEAST_DRIFT + MOST_DRIFT) / 2

    @override
    def pulsed(self, siemens: float, volts: float, width_s: float, generator: np.random.Generator) -> CellState:
        strength = min(1.0, (abs(volts) - self.quiet_v) / (self.ramp.stop_v - self.quiet_v))
        if strength <= 0:
            return CellState(siemens, self.drift)
        share = LARGEST_SHARE * strength**2 * math.exp(PULSE_SPREAD * generator.standard_normal())
        end = MOST_S if volts > 0 else LEAST_S
        return CellState(siemens + min(share, 1.0) * (end - siemens), self.drift)

    @override
    def after(self, state: CellState, age_s: float) -> float:
        return state.siemens * (1 + age_s / DRIFT_S) ** -state.drift

    @override
    def drawn(self, generator: np.random.Generator) -> Self:
        specimen = copy(self)
        specimen.drift = float(generator.uniform(LEAST_DRIFT, MOST_DRIFT))
        return specimen
