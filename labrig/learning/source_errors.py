"""What the sources of the error may add to a gradient: an error of the gain of one scales what its output contributes.

    ∂C/∂θ_k = Σ_m w_m y_mk    with    y_mk = Σ_o i_mo r_ok    and    Σ_m w_m i_mo = −∂C/∂v_o

y_mk is what was read of edge k at the current i_m (a_k b_mk of frequency propagation), r_ok the answer to a unit of
current into output o. If output o really gets i_mo (1 + ε_o), the gradient is off by −ε_o ∂C/∂v_o r_ok in every edge at
once, however often it is measured. A source of the activation with an error moves the state of the board, and the
gradient is right at the state where the board is.

With a tone for each output the answers r follow from what was read. Currents that all flow at once tell only a weighted
sum of them, so the rest is unknown, and is taken to be as large as the answers of all edges are. Errors that sum to
zero, as those of a softmax do, never show what the answers to all outputs have in common: where that is most of them,
as in a network with few leaks, what is stated is up to two times too small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SourceErrors:
    """Errors of a gradient that many edges share, one for each output.

    Parameters
    ----------
    u_error : (O,) array
        Standard uncertainty of the error ∂C/∂v_o as it was played.
    of_modes : callable
        Returns `modes`; they are needed far less often than gradients.
    """

    u_error: Array
    of_modes: Callable[[], Array]

    @cached_property
    def modes(self) -> Array:
        """(O, E) by how much the gradient changes if the source of an output is off by a standard uncertainty."""
        return self.of_modes()


def source_errors(
    read: Array, a: Array, played: Array, u_played: Array | None, loss_gradient: Array
) -> SourceErrors | None:
    """What the sources add to Σ_m w_m read_m with Σ_m w_m · played_m = −∂C/∂v_o.

    Parameters
    ----------
    read : (K, E) array
        What was read of every edge, in units of the gradient per error.
    a : (E,) array
        Activation coefficients: an edge with a large one has large answers.
    played : (K, O) array
        Errors as they were played (A).
    u_played : (K, O) array or None
        Their standard uncertainties; those of one output have the same sign. None: they are exact.
    loss_gradient : (O,) array
        ∂C/∂v_o.
    """
    if u_played is None:
        return None
    square = float(np.sum(played**2))
    if square == 0:
        return None
    inverse = played.T / square if len(played) == 1 else np.asarray(np.linalg.pinv(played), np.float64)
    u_error = np.abs(-loss_gradient @ inverse) @ u_played
    return SourceErrors(u_error, partial(_modes, read, a, played, inverse, -np.sign(loss_gradient) * u_error))


def _modes(read: Array, a: Array, played: Array, inverse: Array, errors: Array) -> Array:
    """(O, E) errors (O,) times the answers to them."""
    answers = inverse @ read
    unknown = 1.0 - np.sum(inverse.T * played, axis=0)
    if unknown.max() > 1e-9:
        size = float(np.sum(a**2)) * float(np.sum(played**2))
        variance = a**2 * (float(np.sum(read**2)) / size if size > 0 else 0.0)
        answers = np.copysign(np.sqrt(answers**2 + np.multiply.outer(np.maximum(unknown, 0.0), variance)), answers)
    return errors[:, np.newaxis] * answers


def combined(parts: Sequence[tuple[float, SourceErrors | None]]) -> SourceErrors | None:
    """Errors of a weighted sum of gradients that were measured with the same sources; None counts as no error."""
    there = [(weight, errors) for weight, errors in parts if errors is not None and errors.u_error.any()]
    if not there:
        return None
    u_error = sum((abs(weight) * errors.u_error for weight, errors in there), np.zeros_like(there[0][1].u_error))
    return SourceErrors(u_error, partial(_sum, there))


def _sum(parts: Sequence[tuple[float, SourceErrors]]) -> Array:
    return np.sum([weight * errors.modes for weight, errors in parts], axis=0)
