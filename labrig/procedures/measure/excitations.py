"""Excitations by hand: levels of inputs, and currents at the tones that the carrier of the errors uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from labrig.learning.measurement import Excitation

if TYPE_CHECKING:
    from labrig.assembly import Assembly
    from labrig.rig.rig import Rig

Array = NDArray[np.float64]


def excitation(assembly: Assembly, rig: Rig, activation: Array, currents: Array) -> Excitation:
    """Return the excitation with an activation (I,) and error currents (O,), in A or the unit of another flow.

    The currents play at the tones of the configured carrier: all at one, each at its own, or as two sidebands of half
    the amplitude; a second quantity is released at a constant rate.
    """
    if not currents.any():
        return Excitation(activation)
    if rig.hookup.has_second:
        return Excitation(activation, constant=currents)
    carrier = assembly.learning_choice.carrier(assembly.loss, len(currents))
    if carrier.sidebands:
        return Excitation(activation, error=np.tile(currents / 2, (2, 1)))
    error = np.zeros((rig.error_tones, len(currents)))
    for output, current in enumerate(currents):
        error[output if rig.error_tones == len(currents) else 0, output] = current
    return Excitation(activation, error=error)


def error_tone(assembly: Assembly, rig: Rig, output: int) -> int | None:
    """Return the tone, among all tones, at which the current of an output is read; None if it is constant."""
    if rig.hookup.has_second:
        return None
    carrier = assembly.learning_choice.carrier(assembly.loss, len(rig.hookup.outputs))
    own = output if rig.error_tones == len(rig.hookup.outputs) and not carrier.sidebands else 0
    return len(rig.tones.frequencies_hz) - rig.error_tones + own
