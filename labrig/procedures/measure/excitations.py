"""Excitations given by hand: levels of inputs, and error currents at the tones of the configured carrier."""

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
    """Return the excitation with an activation (I,) and error currents (O,) (A, or the unit of another flow).

    The currents play at the tones of the configured carrier: all at the same tone, each at its own tone, or each as two
    sidebands of half the amplitude. If the errors are carried by a second quantity, it is released at a constant rate.
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
    """Return the index of the tone at which the error current of an output is read; None if the current is constant."""
    if rig.hookup.has_second:
        return None
    carrier = assembly.learning_choice.carrier(assembly.loss, len(rig.hookup.outputs))
    own = output if rig.error_tones == len(rig.hookup.outputs) and not carrier.sidebands else 0
    return len(rig.tones.frequencies_hz) - rig.error_tones + own
