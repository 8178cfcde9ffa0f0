"""Whether outputs move the way that their error pushes them: an inverted pilot must not become an update.

A passive board takes power from whatever drives it. So the currents into the outputs, each times the voltage that
follows at its tone, add up to more than zero. If they do not, phases are read the wrong way round, and with them every
gradient. DC levels look right all the same, which is why `driven_nodes.py` does not notice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labrig.errors import SenseMisfit
from labrig.lockin.demodulated import Demodulated
from labrig.rig.hookup import Hookup

Array = NDArray[np.float64]

NOISE = 6.0
"""Standard errors by which the sum must be below zero."""

CROSSTALK = 5e-4
"""Share of the pilot, and of every error tone as it is played, that a channel may read past the board: −66 dB."""


def passivity_problem(
    read: Demodulated, error: Array, rows: slice, hookup: Hookup, misread: float
) -> SenseMisfit | None:
    """Return what is wrong, as an error; None if the board may be passive.

    Parameters
    ----------
    read : Demodulated
        What was read.
    error : (K, O) array
        Currents into the outputs that were played (A).
    rows : slice
        The K error tones among all tones.
    hookup : Hookup
        The wiring.
    misread : float
        By which fraction a node may be misread; from 1 on, its sign may be wrong, and nothing is judged.
    """
    pushed = [k for k, wire in enumerate(hookup.outputs) if not wire.reads and wire.node in hookup.sense_column]
    current = error[:, pushed]
    if misread >= 1.0 or not current.any():
        return None
    columns = [hookup.sense_column[hookup.outputs[k].node] for k in pushed]
    volts = np.abs([hookup.senses[column].sensor for column in columns])  # of a channel per unit of its node
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
    return SenseMisfit(
        f"the error tone moves {nodes} against the current that it pushes, which no passive board does",
        device=hookup.digitizer,
        action="measure",
        remedy=f"is the pilot ({pilot}) inverted, or the error source ({sources}), or the sense lead of {nodes}? "
        "compare the cables with labrig plan --wiring",
    )
