"""Write–verify for all pulse programmers: a cell is read, pulsed and read again until it has the requested conductance.

The pulses of a ramp start weak and become stronger. After an overshoot the polarity is reversed and the ramp starts
again. No pulse is stronger than the last of the ramp, and no cell gets more pulses than its budget.

Readings are noisy, so a cell within its tolerance is read again until the mean is inside the tolerance by four standard
uncertainties. A cell that is too close to a limit of its tolerance for this gets another pulse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

GUARD = 4.0
"""Number of standard uncertainties of the mean by which a cell must be inside its tolerance."""


class Cell(Protocol):
    """One cell of a pulse programmer, disconnected from the network."""

    def read(self) -> float:
        """Return one reading of the conductance (S)."""
        ...

    def pulse(self, volts: float, width_s: float) -> float:
        """Apply one pulse, and return one reading of the conductance after it (S)."""
        ...


@dataclass(frozen=True, slots=True)
class Ramp:
    """The pulses of write–verify.

    Attributes
    ----------
    start_v, stop_v, step_v : float
        Amplitudes of the first and the strongest pulse of a ramp, and the step from one pulse to the next (V).
    width_s : float
        Width of every pulse (s).
    raising : int
        Polarity that raises the conductance, 1 or −1.
    budget : int
        Largest number of pulses for one cell in one write.
    read_noise : float
        Relative standard deviation of one reading.
    readings : int
        Largest number of readings between two pulses.
    """

    start_v: float
    stop_v: float
    step_v: float
    width_s: float
    raising: int = 1
    budget: int = 200
    read_noise: float = 0.005
    readings: int = 25

    @property
    def least_tolerance(self) -> float:
        """Smallest relative tolerance that readings can resolve."""
        return 2 * GUARD * self.read_noise / math.sqrt(self.readings)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of write–verify.

    Attributes
    ----------
    siemens : float
        Mean of the readings since the last pulse (S).
    pulses : int
        Number of pulses.
    converged : bool
        Whether the cell is within its tolerance.
    """

    siemens: float
    pulses: int
    converged: bool


def write_verify(cell: Cell, siemens: float, tolerance: float, ramp: Ramp) -> Outcome:
    """Write a conductance (S) to a cell within a relative tolerance."""
    pulses, polarity, amplitude_v = 0, 0, ramp.start_v
    reading = cell.read()
    while True:
        within, reading = _verified(cell, reading, siemens, tolerance, ramp)
        if within or pulses >= ramp.budget:
            return Outcome(reading, pulses, within)
        wanted = ramp.raising if reading < siemens else -ramp.raising
        amplitude_v = ramp.start_v if wanted != polarity else min(ramp.stop_v, amplitude_v + ramp.step_v)
        polarity = wanted
        reading = cell.pulse(polarity * amplitude_v, ramp.width_s)
        pulses += 1


def _verified(cell: Cell, first: float, siemens: float, tolerance: float, ramp: Ramp) -> tuple[bool, float]:
    """Read until the mean is clearly inside or clearly outside the tolerance, or no readings are left.

    Returns whether the cell is within its tolerance, and the mean (S).
    """
    total, count = first, 1
    while True:
        mean = total / count
        off, doubt = abs(mean / siemens - 1), GUARD * ramp.read_noise / math.sqrt(count)
        if off + doubt <= tolerance:
            return True, mean
        if off > tolerance or count >= ramp.readings:
            return False, mean
        total += cell.read()
        count += 1


def mean_reading(cell: Cell, ramp: Ramp) -> float:
    """Return the mean of several readings of the conductance of a cell (S)."""
    return math.fsum(cell.read() for _ in range(ramp.readings)) / ramp.readings
