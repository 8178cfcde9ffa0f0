"""The exact gradient of a simulated board, and how far measurement uncertainty may move a gradient away from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from labrig.instruments.contracts import Truth
from labrig.learning.gradient import Gradient
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
    modes : (O or 2O, E) array
        Change of the measured gradient for one standard uncertainty of each output (the error is computed from measured
        outputs), then for one standard uncertainty of the error that each source plays.
    parts : (E,) array
        Root sum of squares of the contributions of all outputs; larger than the gradient where contributions cancel.
    """

    value: Array
    modes: Array
    parts: Array


def adjoint(probe: GradientProbe, truth: Truth, example: int, measured: Gradient) -> Adjoint:
    """Compute the exact gradient at the present state of the board; measures once to find the outputs' uncertainty.

    Parameters
    ----------
    probe : GradientProbe
    truth : Truth
    example : int
    measured : Gradient
        A measured gradient of this example; it states how well the sources of the error are known.
    """
    activation, target = probe.task.activation[example], probe.task.target[example]
    tone = probe.rig.activation == "sine"
    loss = probe.loss
    value = exact_gradient(probe, truth, example)
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
    of_sources = source_modes(truth, activation, lambda outputs: loss.gradient(outputs, target), measured, tone)
    return Adjoint(value, np.concatenate((modes, of_sources)), np.sqrt(parts))


def exact_gradient(probe: GradientProbe, truth: Truth, example: int) -> Array:
    """Return the exact gradient (E,) at the present state of the board."""
    target = probe.task.target[example]
    return truth.gradient(
        probe.task.activation[example],
        lambda outputs: probe.loss.gradient(outputs, target),
        probe.rig.activation == "sine",
    )


def source_modes(
    truth: Truth, activation: Array, loss_gradient: Callable[[Array], Array], measured: Gradient, tone: bool
) -> Array:
    """(O, E) change of the measured gradient for one standard uncertainty of the error that each source played.

    These changes are computed here because a measured gradient may state only their sum over the outputs.

    Parameters
    ----------
    truth : Truth
    activation : (I,) array
        Inputs at which the gradient was measured, as for `Truth.gradient`.
    loss_gradient : callable
        ∂C/∂v_o (O,) of outputs (O,).
    measured : Gradient
        States how well the errors are known; O is 0 if the sources are exact.
    tone : bool
        Whether the inputs play a tone.
    """
    if measured.sources is None:
        return np.zeros((0, len(measured.value)))
    u_error = measured.sources.u_error

    def off(outputs: Array, by: Array) -> Array:
        return np.sign(loss_gradient(outputs)) * by

    return np.array([truth.gradient(activation, partial(off, by=by), tone) for by in np.diag(u_error)])


def output_uncertainty(rig: Rig, response: Response) -> Array:
    """(O,) standard uncertainty of the measured outputs (V) from noise and the digitizer's zero, gain and rounding."""
    read, columns = response.demodulated, rig.hookup.output_columns
    if rig.activation == "dc":
        return np.hypot(read.u_dc[columns], read.systematic_dc[columns])
    return np.hypot(read.u_channel[0, columns], read.systematic_channel[0, columns])
