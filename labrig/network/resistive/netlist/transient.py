"""Transient analysis of a circuit by TR-BDF2, with steps adapted to the error.

A step uses the trapezoidal rule for its first fraction, 2 − √2, and BDF2 for the rest: the method is of second order,
and stable for stiff circuits. Without capacitors, every time is solved on its own, as an operating point. Source: M. E.
Hosea and L. F. Shampine, Appl. Numer. Math. 20, 21 (1996), equation 18 for the error.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ConfigError
from labrig.network.resistive.netlist.circuit import Circuit
from labrig.network.resistive.netlist.equations import Equations
from labrig.network.resistive.netlist.waveforms import played

Array = NDArray[np.float64]

GAMMA = 2 - math.sqrt(2)
_ERROR = (-3 * GAMMA**2 + 4 * GAMMA - 2) / (12 * (2 - GAMMA))

TOLERANCE = 1e-7
"""Largest error of the voltage across a capacitor in one step, as a fraction of full scale."""

SMALLEST_SCALE_V = 1e-3
PARTS_OF_A_CYCLE = 50
"""Smallest number of steps per cycle of a sine, also while the sine does not yet charge any capacitor."""

MOST_STEPS = 1e8
"""Largest number of steps: hours."""

SMALLEST_STEP = 1e-9
"""Smallest step, as a fraction of the whole time. In shorter steps, rounding would spoil the currents of capacitors."""


def operating_point(circuit: Circuit) -> Array:
    """(N,) node voltages with capacitors open and every source at its value for the operating point."""
    equations = Equations(circuit)
    volts = np.array([source.plays.operating for source in circuit.voltages])
    amperes = np.array([source.plays.operating for source in circuit.currents])
    return equations.voltages(equations.solve(volts, amperes, equations.nothing), volts)


def node_voltages(circuit: Circuit, times: Array) -> Array:
    """(T, N) node voltages at increasing times ≥ 0 (s), starting from the operating point at time 0."""
    return _Course(circuit).at(times)


class _Course:
    """Steps a circuit through time."""

    def __init__(self, circuit: Circuit) -> None:
        self._equations = Equations(circuit)
        self._voltages = [source.plays for source in circuit.voltages]
        self._currents = [source.plays for source in circuit.currents]
        equations = self._equations
        columns = [equations.column(part.a, part.b) for part in circuit.capacitors]
        self._across = np.array(columns).reshape(-1, len(equations.nodes))  # (C, N) drops of the capacitors
        self._farad = np.array([part.farad for part in circuit.capacitors])
        self._incidence = self._across @ equations.free
        self._of_held = self._across @ equations.held
        self._matrix = self._incidence.T @ (self._farad[:, np.newaxis] * self._incidence)
        shapes = [each.shape for each in (*self._voltages, *self._currents) if each.shape is not None]
        self._corners = sorted({corner for shape in shapes for corner in shape.corners_s if corner > 0})
        self._longest = min((shape.shortest_s for shape in shapes), default=math.inf) / PARTS_OF_A_CYCLE

    def at(self, times: Array) -> Array:
        """(T, N) node voltages at increasing times (s)."""
        volts, amperes = self._played(0.0)
        y = self._equations.solve(volts, amperes, self._equations.nothing)
        found = np.empty((len(times), len(self._equations.nodes)))
        if not len(self._farad):
            for row, t in enumerate(times.tolist()):
                volts, amperes = self._played(t)
                y = self._equations.solve(volts, amperes, y)
                found[row] = self._equations.voltages(y, volts)
            return found
        self._t, self._y, self._current = 0.0, y, np.zeros(len(self._farad))
        self._drop = self._incidence @ y + self._of_held @ volts
        self._scale = max(float(np.abs(volts).max(initial=0.0)), float(np.abs(y).max(initial=0.0)), SMALLEST_SCALE_V)
        end = float(times[-1]) if len(times) else 0.0
        if end / self._longest > MOST_STEPS:
            raise ConfigError(
                f"the fastest sine needs {end / self._longest:.3g} steps until {end:g} s, too many",
                limit=f"{MOST_STEPS:.0e} steps, {PARTS_OF_A_CYCLE} in each cycle",
                remedy="compute a shorter time, or use a lower frequency",
            )
        self._smallest = SMALLEST_STEP * max(end, 1e-15)
        self._step = max(self._smallest, min(self._longest, end / 100) / 100)
        for row, t in enumerate(times.tolist()):
            self._go_to(t)
            found[row] = self._equations.voltages(self._y, self._played(self._t)[0])
        return found

    def _played(self, t: float) -> tuple[Array, Array]:
        return played(self._voltages, t), played(self._currents, t)

    def _go_to(self, t: float) -> None:
        """Advance to the time t, stopping at every corner of a waveform on the way."""
        stops = [corner for corner in self._corners if self._t < corner < t]
        for stop in (*stops, t):
            while self._t < stop:
                left = stop - self._t
                if left < self._smallest:  # the same time apart from rounding
                    self._t = stop
                    break
                step = min(self._step, self._longest)
                # Two equal steps instead of a long and a tiny one.
                step = left if step >= left else left / 2 if step > left / 2 else step
                self._advance(step, self._t + step if step < left else stop)
            if stop in stops:  # a new slope, for which the allowed step is not known yet
                self._step = max(self._smallest, min(self._step, self._longest) / 100)

    def _advance(self, step: float, until: float) -> None:
        """Take one step, shortened until its error is small enough."""
        while True:
            weight = 2 / (GAMMA * step)
            middle, middle_drop, middle_current = self._stage(
                self._t + GAMMA * step, weight, weight * self._drop * self._farad + self._current, self._y
            )
            before = middle_drop / (GAMMA * (1 - GAMMA)) - self._drop * (1 - GAMMA) / GAMMA
            weight = (2 - GAMMA) / ((1 - GAMMA) * step)
            end, drop, current = self._stage(until, weight, before * self._farad / step, middle)
            error = self._current / GAMMA - middle_current / (GAMMA * (1 - GAMMA)) + current / (1 - GAMMA)
            size = 2 * abs(_ERROR) * step * float(np.abs(error / self._farad).max()) / (TOLERANCE * self._scale)
            factor = 0.9 * size ** (-1 / 3) if size > 0 else 5.0
            if size <= 1 or step <= self._smallest:
                self._t, self._y, self._drop, self._current = until, end, drop, current
                self._scale = max(self._scale, float(np.abs(drop).max()))
                self._step = max(self._step, step) if factor >= 1 and step < self._step else step * min(5.0, factor)
                return
            step *= max(0.1, min(factor, 0.5))
            until = self._t + step

    def _stage(self, t: float, weight: float, history: Array, start: Array) -> tuple[Array, Array, Array]:
        """Free voltages, and drops u and currents of the capacitors at time t; a current is weight·C·u − history."""
        volts, amperes = self._played(t)
        held = self._of_held @ volts
        more = self._incidence.T @ (history - weight * self._farad * held)
        y = self._equations.solve(volts, amperes, start, weight * self._matrix, more)
        drop = self._incidence @ y + held
        return y, drop, weight * self._farad * drop - history
