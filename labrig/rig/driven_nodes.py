"""Checks that driven nodes read their drives, so that an open, swapped or inverted lead never leads to an update.

The voltage of a node behind a small resistance is known before it is measured: whatever the rest of the board does, it
is near the voltage of its source. The largest deviation follows from the conductance on the node, because no voltage
on the board is outside the range of all drives and ground. The pilot is connected only to its source.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labrig.errors import SenseMisfit
from labrig.lockin.demodulated import Demodulated
from labrig.network.physics import GROUND
from labrig.rig.hookup import Hookup

Array = NDArray[np.float64]

FLOOR_V = 0.2
"""Voltage for offsets, hum and noise, added to the driven voltage when the allowed deviation is calculated (V)."""

PILOT_FLOOR_V = 20e-3
"""The corresponding voltage for the pilot, whose tones have no offsets (V)."""


class DrivenNodes:
    """Compares the readings of driven nodes with the voltages that are played.

    Parameters
    ----------
    hookup : Hookup
        The wiring.
    activation_row : int or None
        The tone that carries the activation; None if it is DC.
    misread : float
        Allowed relative deviation of a reading, due to gain errors of source and digitizer.
    """

    def __init__(self, hookup: Hookup, activation_row: int | None, misread: float) -> None:
        sensed = [k for k, w in enumerate(hookup.inputs) if w.node in hookup.sense_column and w.load_s is not None]
        self._hookup = hookup
        self._row = activation_row
        self._misread = misread
        self._last: tuple[bytes, Array, Array] = (b"", np.zeros(0), np.zeros(0))
        self._sensed = sensed
        self._inputs = np.array(sensed, dtype=np.intp)
        self._columns = np.array([hookup.sense_column[hookup.inputs[k].node] for k in sensed], dtype=np.intp)

    def problem(self, read: Demodulated, activation: Array, pilot_v: float, siemens: Array) -> SenseMisfit | None:
        """Return an error for a node that contradicts what is played; None if all nodes agree.

        Parameters
        ----------
        read : Demodulated
            The readings.
        activation : (I,)
            Activation that the inputs play (V).
        pilot_v : float
            Sum of the amplitudes of the pilot's tones (V).
        siemens : (E,)
            Upper bound on the conductance of each edge (S).
        """
        pilot = sum(read.pilot_amplitude.tolist())
        if not abs(pilot - pilot_v) <= self._misread * (pilot_v + PILOT_FLOOR_V):
            return self._misfit(self._hookup.pilot.node, pilot, pilot_v)
        driven, allowed = self._expected(activation)
        found = self._found(read)
        off = np.abs(found - driven) - allowed
        if off.max(initial=0.0) <= 0.0:
            return None
        off -= self._sag(activation, siemens)
        if off.max(initial=0.0) <= 0.0:
            return None
        worst = int(np.where(np.isfinite(off), off, np.inf).argmax())
        wire = self._hookup.inputs[self._sensed[worst]]
        against_pilot = self._row is not None and self._all_inverted(found, driven)
        return self._misfit(wire.node, float(found[worst]), float(driven[worst]), against_pilot)

    @staticmethod
    def _all_inverted(found: Array, driven: Array) -> bool:
        """Whether every node that is driven by more than FLOOR_V reads about the opposite voltage."""
        judged = np.abs(driven) > FLOOR_V
        return bool(judged.any()) and bool((np.abs(found / np.where(judged, driven, 1.0) + 1.0)[judged] < 0.4).all())

    def _expected(self, activation: Array) -> tuple[Array, Array]:
        """Expected readings of the driven nodes, and allowed deviations without load; cached for the next call."""
        asked = activation.tobytes()
        if asked != self._last[0]:
            driven = activation[self._inputs]
            self._last = asked, driven, self._misread * (np.abs(driven) + FLOOR_V)
        return self._last[1:]

    def _found(self, read: Demodulated) -> Array:
        """Readings of the driven nodes, as constant voltages or signed amplitudes (V)."""
        if self._row is None:
            return read.dc[self._columns]
        return (read.phasor[self._row, self._columns] * np.exp(-1j * read.reference_phase[self._row])).real

    def _sag(self, activation: Array, siemens: Array) -> Array:
        """Largest deviation of each driven node from its source due to the load of the board (V)."""
        load = {wire.node: wire.load_s or 0.0 for wire in self._hookup.inputs}
        for edge, conductance in zip(self._hookup.edges, siemens.tolist(), strict=True):
            for node in (edge.a, edge.b):
                if node != GROUND and node in load:
                    load[node] += conductance
        wires = [self._hookup.inputs[k] for k in self._sensed]
        loaded = np.array([load[wire.node] * wire.ohm for wire in wires])
        with np.errstate(invalid="ignore"):
            share = np.where(np.isinf(loaded), 1.0, loaded / (1.0 + loaded))
        return share * float(max(activation.max(), 0.0) - min(activation.min(), 0.0))

    def _misfit(self, node: str, found_v: float, driven_v: float, against_pilot: bool = False) -> SenseMisfit:
        column = self._hookup.sense_column[node]
        wires = (*self._hookup.inputs, self._hookup.pilot)
        wire = next(each for each in wires if each.node == node)
        sensed = f"{self._hookup.digitizer}/{self._hookup.senses[column].channel}"
        cause = _cause(found_v, driven_v)
        if against_pilot:
            cause = f"is the pilot ({self._hookup.pilot.label}) inverted, or are all driven inputs inverted?"
        return SenseMisfit(
            f"{node} reads {found_v:.3g} V, but it is driven with {driven_v:.3g} V",
            device=self._hookup.digitizer,
            action="measure",
            remedy=f"{cause}; compare the cables of {wire.label} and {sensed} with labrig plan --wiring",
        )


def _cause(found_v: float, driven_v: float) -> str:
    """The most likely causes of the deviation, as a question."""
    ratio = found_v / driven_v if driven_v else np.inf
    if -1.4 < ratio < -0.7:
        return "is the lead inverted, or swapped with another one?"
    if 0.4 < ratio < 0.6 or 1.7 < ratio < 2.3:
        return "is the load setting of the source wrong (50 Ω instead of high impedance)?"
    if abs(ratio) < 0.05:
        return "is the sense lead open, or the source's cable disconnected?"
    return "is the sense lead open or swapped, or is its range wrong?"
