"""Uncertainty of a gradient due to the error sources: a gain error of a source scales its output's contribution.

    ∂C/∂θ_k = Σ_m w_m y_mk    with    y_mk = Σ_o i_mo r_ok    and    Σ_m w_m i_mo = −∂C/∂v_o

y_mk is the reading of edge k at the current i_m (a_k b_mk in frequency propagation), and r_ok is the response of edge k
to a unit current into output o. If output o really receives i_mo (1 + ε_o), the gradient of every edge is off by
−ε_o ∂C/∂v_o r_ok, and averaging does not reduce this. An error of an activation source does not matter here: it
shifts the state of the board, and the gradient is correct for the shifted state.

With one tone per output, the responses r follow from the readings. If all currents flow at once, the readings give only
a weighted sum of the responses; the rest is unknown and is assumed to be as large as the typical response of all edges.
Errors that sum to zero, as with a softmax, never reveal the common part of the responses to all outputs. Where
this common part dominates, as in a network with few leaks, the stated uncertainty is up to two times too small.
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
    """Errors of a gradient that many edges share, one mode per output.

    Parameters
    ----------
    u_error : (O,) array
        Standard uncertainty of the error ∂C/∂v_o as it was played.
    of_modes : callable
        Function that returns `modes`. They are computed only on request, because they are rarely needed.
    """

    u_error: Array
    of_modes: Callable[[], Array]

    @cached_property
    def modes(self) -> Array:
        """(O, E) change of the gradient if the error source of an output is off by one standard uncertainty."""
        return self.of_modes()


def source_errors(
    read: Array, a: Array, played: Array, u_played: Array | None, loss_gradient: Array
) -> SourceErrors | None:
    """Errors of the gradient Σ_m w_m read_m due to the error sources, where Σ_m w_m · played_m = −∂C/∂v_o.

    Parameters
    ----------
    read : (K, E) array
        Readings of every edge, in units of the gradient per error.
    a : (E,) array
        Activation coefficients; an edge with a large coefficient is assumed to have a large response.
    played : (K, O) array
        Errors as they were played (A).
    u_played : (K, O) array or None
        Standard uncertainties of `played`; the errors of one source have the same sign at all tones. None if the
        currents are exact.
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
    """(O, E) product of the errors (O,) and the responses of the edges to them."""
    answers = inverse @ read
    unknown = 1.0 - np.sum(inverse.T * played, axis=0)
    if unknown.max() > 1e-9:
        size = float(np.sum(a**2)) * float(np.sum(played**2))
        variance = a**2 * (float(np.sum(read**2)) / size if size > 0 else 0.0)
        answers = np.copysign(np.sqrt(answers**2 + np.multiply.outer(np.maximum(unknown, 0.0), variance)), answers)
    return errors[:, np.newaxis] * answers


def combined(parts: Sequence[tuple[float, SourceErrors | None]]) -> SourceErrors | None:
    """Errors of a weighted sum of gradients that were measured with the same sources; None counts as exact."""
    there = [(weight, errors) for weight, errors in parts if errors is not None and errors.u_error.any()]
    if not there:
        return None
    u_error = sum((abs(weight) * errors.u_error for weight, errors in there), np.zeros_like(there[0][1].u_error))
    return SourceErrors(u_error, partial(_sum, there))


def _sum(parts: Sequence[tuple[float, SourceErrors]]) -> Array:
    return np.sum([weight * errors.modes for weight, errors in parts], axis=0)
