"""Frequency propagation at γ and γ/2, extrapolated to γ = 0: (4 g(γ/2) − g(γ)) / 3.

The error of order γ² cancels, which leaves an error of order γ⁴; the variance of the noise is about 7 times that of a
measurement at γ. Source: L. F. Richardson, Phil. Trans. R. Soc. A 210, 307 (1911).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from typing_extensions import override

from labrig.learning.carriers import Carrier
from labrig.learning.gradient import Gradient
from labrig.learning.losses import Loss
from labrig.learning.measurement import Excitation, Response
from labrig.learning.rules.frequency_propagation import estimate
from labrig.learning.rules.rule import EdgeStates, Example, Measurements, Rule
from labrig.learning.source_errors import combined


class Richardson(Rule):
    """Measure with the error off, with the full error, and with half of it."""

    @override
    def acquisitions(self, edges: int, carrier: type[Carrier]) -> int:
        return 3 if carrier.error_first else 2

    @override
    def gradient(self, example: Example, loss: Loss, carrier: Carrier, edges: EdgeStates) -> Measurements:
        if carrier.error_first:
            free = yield Excitation(example.activation)
            e = loss.gradient(free.outputs, example.target)
            if not np.any(e):
                return None
            asked = carrier.excitation(example.activation, e)
            whole = yield asked
        else:
            asked = carrier.excitation(example.activation, np.zeros(carrier.outputs))
            free = whole = yield asked
            e = loss.gradient(free.outputs, example.target)
            if not np.any(e):
                return None
        halved = half(asked)
        small = yield halved
        of_free = free, (free if carrier.error_first else small)
        plays = (asked, whole), (halved, small)
        found = [
            (estimate(carrier, play, base, nudged, e), estimate(carrier, play, _known(base), nudged, e))
            for base, (play, nudged) in zip(of_free, plays, strict=True)
        ]
        return extrapolated(*found, shared=carrier.error_first)


def half(excitation: Excitation) -> Excitation:
    """Return the same excitation with half the error."""
    return replace(
        excitation,
        error=None if excitation.error is None else excitation.error / 2,
        constant=None if excitation.constant is None else excitation.constant / 2,
    )


def extrapolated(whole: tuple[Gradient, Gradient], small: tuple[Gradient, Gradient], shared: bool) -> Gradient:
    """Return the gradient (4 · small − whole) / 3 with its uncertainties.

    Parameters
    ----------
    whole, small : (Gradient, Gradient)
        Gradients at γ and at γ/2, each as a pair: with all noise, and as if the reading without error had none.
    shared : bool
        Whether both gradients use the same reading without error, so that they share its noise.
    """
    (one, quiet_one), (other, quiet_other) = whole, small
    own = (16 * quiet_other.standard_error**2 + quiet_one.standard_error**2) / 9
    of_free = [np.sqrt(np.maximum(a.standard_error**2 - b.standard_error**2, 0.0)) for a, b in (whole, small)]
    if shared:
        common = ((4 * of_free[1] - of_free[0]) / 3) ** 2
    else:
        common = (16 * of_free[1] ** 2 + of_free[0] ** 2) / 9
    return Gradient(
        (4 * other.value - one.value) / 3,
        np.sqrt(own + common),
        np.abs(4 * other.systematic - one.systematic) / 3,  # zero and gain are the same in both
        one.gamma,
        combined([(4 / 3, other.sources), (-1 / 3, one.sources)]),
    )


def _known(free: Response) -> Response:
    return replace(free, u_a=np.zeros_like(free.u_a))
