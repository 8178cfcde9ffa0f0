"""The exact gradient of a simulated board, and what a measurement may deviate from it by within its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.instruments.contracts import Truth
from labrig.learning.measurement import Response
from labrig.rig.gradient_probe import GradientProbe
from labrig.rig.rig import Rig

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Adjoint:
    """The exact gradient of one example.

    Parameters
    ----------
    value : (E,) array
    modes : (O, E) array
        By how much a standard uncertainty of each output changes a measured gradient, because the error is computed
        from measured outputs.
    parts : (E,) array
        Root of the sum of squares of what each output contributes: where contributions cancel it is larger than the
        gradient.
    """

    value: Array
    modes: Array
    parts: Array


def adjoint(probe: GradientProbe, truth: Truth, example: int) -> Adjoint:
    """Compute the exact gradient at the present state of the board. It measures once, for the outputs' uncertainty."""
    activation, target = probe.task.activation[example], probe.task.target[example]
    tone = probe.rig.activation == "sine"
    loss = probe.loss
    value = truth.gradient(activation, lambda outputs: loss.gradient(outputs, target), tone)
    u_outputs = output_uncertainty(probe.rig, probe.measure_free(example))
    modes, parts = [], np.zeros_like(value)
    for output, u in enumerate(u_outputs):
        one = np.arange(len(u_outputs)) == output

        def off(outputs: Array, by: Array = u * one) -> Array:
            return loss.gradient(outputs + by, target)

        def alone(outputs: Array, one: Array = one) -> Array:
            return loss.gradient(outputs, target) * one

        modes.append(truth.gradient(activation, off, tone) - value)
        parts += truth.gradient(activation, alone, tone) ** 2
    return Adjoint(value, np.array(modes), np.sqrt(parts))


def output_uncertainty(rig: Rig, response: Response) -> Array:
    """(O,) standard uncertainty of the measured outputs (V): noise, and zero, gain and rounding of the digitizer."""
    read, columns = response.demodulated, rig.hookup.output_columns
    if rig.activation == "dc":
        return np.hypot(read.u_dc[columns], read.systematic_dc[columns])
    return np.hypot(read.u_channel[0, columns], read.systematic_channel[0, columns])
