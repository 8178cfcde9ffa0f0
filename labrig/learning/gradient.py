"""A gradient as it was measured, with how well it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.learning.source_errors import SourceErrors, combined

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Gradient:
    """∂C/∂θ of every edge.

    Parameters
    ----------
    value : (E,) array
        Unit of the loss per siemens.
    standard_error : (E,) array
        From noise; averaging makes it smaller.
    systematic : (E,) array
        Standard uncertainty from zero and gain of the digitizer; averaging does not make it smaller.
    gamma : float
        Injected error current per unit of ∂C/∂v_o (A/V for a loss in V²); 0 for a rule that injects none.
    sources : SourceErrors or None
        Systematic errors from the sources of the error, which many edges share; not in `systematic`. None for a rule
        that injects none.
    """

    value: Array
    standard_error: Array
    systematic: Array
    gamma: float = 0.0
    sources: SourceErrors | None = None

    @property
    def modes(self) -> Array:
        """(O, E) systematic errors that edges share, a standard uncertainty each; O is 0 if there are none."""
        return np.zeros((0, len(self.value))) if self.sources is None else self.sources.modes

    @property
    def uncertainty(self) -> Array:
        """(E,) noise and all systematic parts together."""
        return np.sqrt(self.standard_error**2 + self.systematic**2 + np.sum(self.modes**2, axis=0))


def mean_gradient(gradients: Sequence[Gradient | None], edges: int) -> Gradient:
    """Mean of independent measurements: noise adds in squares, the systematic parts do not average.

    Parameters
    ----------
    gradients : sequence of Gradient or None
        None counts as a gradient of zero: an example that had nothing to teach.
    edges : int
        E, also where no gradient is left.

    Returns
    -------
    Gradient
        Its gamma is the largest of all.
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
