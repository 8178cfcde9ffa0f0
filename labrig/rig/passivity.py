"""Checks that error currents move outputs in the right direction, so that an inverted pilot never leads to an update.

A passive board takes power from its sources: the current into an output times the resulting voltage at its tone, summed
over all outputs, is positive. If the sum is negative, phases are read with the wrong sign, and so is every gradient.
DC levels still look right, so `driven_nodes.py` does not notice this.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labrig.errors import SenseMisfit
from labrig.lockin.demodulated import Demodulated
from labrig.rig.hookup import Hookup

Array = NDArray[np.float64]

NOISE = 6.0
"""Number of standard errors by which the sum must be below zero for a measurement to be refused."""

CROSSTALK = 5e-4
"""Share of the pilot, and of every error tone as played, that may couple into a channel directly: −66 dB."""


def passivity_problem(
    read: Demodulated, error: Array, rows: slice, hookup: Hookup, misread: float
) -> SenseMisfit | None:
    """Return an error if the readings contradict a passive board; None if they do not.

    Parameters
    ----------
    read : Demodulated
        The readings.
    error : (K, O) array
        Currents into the outputs as they were played (A).
    rows : slice
        The K error tones among all tones.
    hookup : Hookup
        The wiring.
    misread : float
        Allowed relative deviation of a reading; if it is 1 or more, even signs may be wrong, and there is no check.
    """
    if misread >= 1.0 or not error.any():
        return None
    pushed = [k for k, wire in enumerate(hookup.outputs) if not wire.reads and wire.node in hookup.sense_column]
    current = error[:, pushed]
    if not current.any():
        return None
    columns = [hookup.sense_column[hookup.outputs[k].node] for k in pushed]
    volts = np.abs([hookup.senses[column].sensor for column in columns])  # volts of a channel per unit of its node
    power = (current * volts * read.channel_in_phase[rows][:, columns]).sum(axis=0)
    if power.sum() >= 0.0:
        return None
    noise = np.sqrt(((current * volts * read.u_channel[rows][:, columns]) ** 2).sum())
    played = read.pilot_amplitude[rows] + np.abs(error * hookup.output_volts_per_ampere).sum(axis=1)
    shared = volts * read.systematic_channel[rows][:, columns] + CROSSTALK * played[:, np.newaxis]
    if power.sum() >= -NOISE * noise - (np.abs(current) * shared).sum():
        return None
    wires = [hookup.outputs[k] for k, each in zip(pushed, power.tolist(), strict=True) if each < 0]
    nodes, sources = ", ".join(wire.node for wire in wires), ", ".join(wire.label for wire in wires)
    pilot = f"{hookup.pilot.label} to {hookup.digitizer}/{hookup.senses[hookup.pilot_column].channel}"
    tone = "; or, as the activation is a tone, do its harmonics in diodes fall on the error tone?" if rows.start else ""
    return SenseMisfit(
        f"the error tone moves {nodes} in the direction opposite to its current, which a passive board never does",
        device=hookup.digitizer,
        action="measure",
        remedy=f"is the pilot ({pilot}) inverted, or the error source ({sources}), or the sense lead of {nodes}? "
        f"compare the cables with labrig plan --wiring{tone}",
    )
