"""The contract of a memristor: a cell whose conductance is changed by voltage pulses, and may drift by itself.

A part contains the range of the cell, suitable pulses, and its physics for the simulated bench: the state of the cell
after a pulse, and its conductance some time later.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from typing_extensions import override

from labrig.instruments.data import Continuous, Setting, Target
from labrig.instruments.parts.part import Part
from labrig.instruments.write_verify import Ramp


@dataclass(frozen=True, slots=True)
class CellState:
    """State of a cell after its last pulse.

    Attributes
    ----------
    siemens : float
        Conductance just after the pulse (S).
    drift : float
        Coefficient of the drift since the pulse, as the part defines it.
    """

    siemens: float
    drift: float = 0.0


class Memristor(Part):
    """A cell that is written by pulses.

    Attributes
    ----------
    minimum_s, maximum_s : float
        Conductances that every specimen can reach (S).
    initial_s : float
        Conductance of a fresh cell (S).
    ramp : Ramp
        Suitable pulses.
    quiet_v : float
        Largest amplitude of a pulse or reading that leaves the state as it is (V).
    """

    supply_span_v = (0.0, np.inf)
    minimum_s: float
    maximum_s: float
    initial_s: float
    ramp: Ramp
    quiet_v: float = 0.2

    @override
    def levels(self) -> Continuous:
        return Continuous(self.minimum_s, self.maximum_s)

    @property
    @override
    def power_up(self) -> Setting:
        return Target(self.initial_s)

    @override
    def conductance(self, setting: Setting) -> float:
        assert isinstance(setting, Target)
        return setting.siemens

    @abstractmethod
    def pulsed(self, siemens: float, volts: float, width_s: float, generator: np.random.Generator) -> CellState:
        """Return the state after a rectangular pulse on a cell with the conductance `siemens` (S)."""

    def after(self, state: CellState, age_s: float) -> float:
        """Return the conductance (S) of a cell `age_s` after its last pulse; constant for a part without drift."""
        return state.siemens
