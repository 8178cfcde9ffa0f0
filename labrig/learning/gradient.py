"""A measured gradient with its uncertainties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.learning.source_errors import SourceErrors, combined

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Gradient:
    """∂C/∂θ of every edge, for the error ∂C/∂v_o that follows from the outputs as they were measured.

    The uncertainties are those of the board's response to this error. They do not include the uncertainty of the
    measured outputs, from which the error is computed: it may be larger close to the targets (`certify` allows for it).

    Parameters
    ----------
    value : (E,) array
        The gradient, in the unit of the loss per siemens.
    standard_error : (E,) array
        Standard error due to noise; averaging makes it smaller.
    systematic : (E,) array
        Standard uncertainty due to zero and gain of the digitizer; averaging does not make it smaller.
    gamma : float
        Injected error current per unit of ∂C/∂v_o (A/V for a loss in V²); 0 for a rule that injects no error.
    sources : SourceErrors or None
        Systematic errors due to the error sources, which many edges share; they are not included in `systematic`.
        None for a rule that injects no error.
    """

    value: Array
    standard_error: Array
    systematic: Array
    gamma: float = 0.0
    sources: SourceErrors | None = None

    @property
    def modes(self) -> Array:
        """(O, E) systematic errors that edges share, each of one standard uncertainty; O is 0 if there are none."""
        return np.zeros((0, len(self.value))) if self.sources is None else self.sources.modes

    @property
    def uncertainty(self) -> Array:
        """(E,) combined standard uncertainty from noise and all systematic errors."""
        return np.sqrt(self.standard_error**2 + self.systematic**2 + np.sum(self.modes**2, axis=0))


def mean_gradient(gradients: Sequence[Gradient | None], edges: int) -> Gradient:
    """Mean of independent measurements: noise adds in quadrature; systematic errors are not reduced by averaging.

    Parameters
    ----------
    gradients : sequence of Gradient or None
        None counts as a zero gradient: that example had nothing to teach.
    edges : int
        E, the number of edges; needed if every gradient is None.

    Returns
    -------
    Gradient
        The mean; its `gamma` is the largest among the given gradients.
    """
    zero, count = np.zeros(edges), len(gradients)
    there = [gradient for gradient in gradients if gradient is not None]
    return Gradient(
        sum((gradient.value for gradient in there), zero) / count,
        np.sqrt(sum((gradient.standard_error**2 for gradient in there), zero)) / count,
        sum((gradient.systematic for gradient in there), zero) / count,
        max((gradient.gamma for gradient in there), default=0.0),
        combined([(1 / count, gradient.sources) for gradient in there]),
    )
