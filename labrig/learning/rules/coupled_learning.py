"""Coupled learning: the outputs are clamped closer to their targets, and the two equilibria are compared edge by edge.

The clamped voltages are v_o + η (y − v_o), and an edge changes by −½(u_C² − u_F²)/η. This is not the gradient of the
squared error but that of the power needed for clamping, which is zero at the same conductances.
Source: M. Stern, D. Hexner, J. W. Rocks, A. J. Liu, Phys. Rev. X 11, 021045 (2021).

An error source is a voltage behind a resistance, so it cannot hold an output by itself: the output voltage depends on
the network too. The clamp is therefore found from measured outputs. A current into each output in turn shows how the
outputs respond; then the clamp is tried and corrected. `labrig check` estimates the voltage that each source must play
for this, which is its resistance times the current.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from typing_extensions import override

from labrig.config.section import Section
from labrig.errors import LimitExceeded
from labrig.learning.carriers import Carrier
from labrig.learning.contrast import contrast, systematic_of_moved_outputs
from labrig.learning.gradient import Gradient
from labrig.learning.losses import Loss
from labrig.learning.measurement import Excitation, Response
from labrig.learning.rules.rule import EdgeStates, Example, Measurements, Rule
from labrig.quantities import NonNegativeCount, format_quantity

Array = NDArray[np.float64]

SURPRISING = 3.0
"""An output whose distance from its clamp voltage exceeds this many standard errors counts as not clamped."""

RESOLVED_AT = 3.0
"""The response of the outputs is known if it exceeds this many standard errors in every direction."""


class CoupledLearning(Rule):
    """Measure the board free, then with a current into each output in turn, then clamped, then free again.

    The clamped board is measured once per correction and once more after the last. The two readings that form the
    contrast are used for nothing else, so that their noise is independent.
    """

    estimand = "the clamped contrast"
    clamps = True

    class Options(Section):
        """eta: share of the way to the targets at which outputs are clamped. corrections: number of corrections."""

        eta: Annotated[float, Field(gt=0, le=1)] = 0.1
        corrections: NonNegativeCount = 1

    @override
    def acquisitions(self, edges: int, carrier: type[Carrier]) -> int:
        return self.acquisitions_of(edges, 1, carrier)

    @override
    def acquisitions_of(self, edges: int, outputs: int, carrier: type[Carrier]) -> int:
        return outputs + self.options.corrections + 3

    @classmethod
    @override
    def objection(cls, carrier: type[Carrier], activation: str) -> str | None:
        if carrier.quantity:
            return "clamps the outputs themselves; use 'error: {carrier: shared_tone}'"
        return None if activation == "dc" else "compares DC levels; write 'learning.activation: dc'"

    def displacement_per_error(self, loss: Loss) -> float:
        """λ (V² per unit of the loss): the outputs are clamped at v_o − λ ∂C/∂v_o.

        For the squared error λ = η/2, so that the clamp is v_o + η (y − v_o). For other losses λ follows from the
        typical sizes of the loss and of its gradient.
        """
        return 2.0 * self.options.eta * loss.scale / loss.error_scale**2

    @override
    def gradient(self, example: Example, loss: Loss, carrier: Carrier, edges: EdgeStates) -> Measurements:
        x = example.activation
        free = yield Excitation(x)
        e = loss.gradient(free.outputs, example.target)
        if not np.any(e):
            return None
        wanted = -self.displacement_per_error(loss) * e
        probes: list[Response] = []
        for one in np.eye(carrier.outputs):
            probe = yield Excitation(x, constant=carrier.current_a * one)
            probes.append(probe)
        played = np.array([each.constant for each in probes]).T
        inverse = _inverted(free, probes, carrier.current_a)
        currents = played @ inverse
        tried, play = free, currents @ wanted
        weights = inverse @ wanted
        moved = np.array([each.u_outputs**2 for each in probes]).T @ weights**2 + (free.u_outputs * weights.sum()) ** 2
        for _ in range(self.options.corrections):
            tried = yield Excitation(x, constant=play)
            play = play + currents @ (wanted - (tried.outputs - free.outputs))
            moved = tried.u_outputs**2 + free.u_outputs**2
        clamped = yield Excitation(x, constant=play)
        again = yield Excitation(x)
        followed = np.array([each.a - free.a for each in probes]).T @ inverse
        found = contrast(again, clamped, 1.0 / self.displacement_per_error(loss))
        return _with_clamp(found, free, clamped, followed, wanted, moved, self.displacement_per_error(loss))


def _inverted(free: Response, probes: list[Response], current_a: float) -> Array:
    """Return the inverse (O, O) of the displacements of all outputs by a current into each.

    Raises LimitExceeded if noise or rounding hides how the outputs respond, so that they cannot be clamped.
    """
    moved = np.array([each.outputs - free.outputs for each in probes]).T
    noise_v = float(np.sqrt(np.mean([each.u_outputs**2 + free.u_outputs**2 for each in probes])))
    smallest = float(np.linalg.svd(moved, compute_uv=False)[-1])
    if smallest <= max(RESOLVED_AT * noise_v, np.finfo(float).eps * float(np.abs(free.outputs).max())):
        raise LimitExceeded(
            f"the outputs cannot be clamped: {format_quantity(current_a, 'current')} into each moves them by no more "
            "than noise or rounding",
            action="measure",
            remedy="use a larger learning.error.current, a converter with more bits, or a smaller range",
        )
    return np.linalg.inv(moved).astype(np.float64, copy=False)


def _with_clamp(
    found: Gradient, free: Response, clamped: Response, followed: Array, wanted: Array, moved: Array, per_error: float
) -> Gradient:
    """Add the uncertainty of the clamp to the contrast.

    Parameters
    ----------
    found : Gradient
        The contrast as measured.
    free, clamped : Response
        Responses of the free and of the clamped board.
    followed : (E, O) array
        Change of each drop per change of each output.
    wanted : (O,) array
        Desired displacement of the outputs (V).
    moved : (O,) array
        Variance of the displacement due to noise of the readings that determined it (V²).
    per_error : float
        λ, by which the contrast was divided; see `CoupledLearning.displacement_per_error`.
    """
    to_value = clamped.a / per_error
    noise = np.hypot(found.standard_error, to_value * np.sqrt(followed**2 @ moved))
    left = np.abs(clamped.outputs - free.outputs - wanted)
    left = np.maximum(left - SURPRISING * np.sqrt(moved + clamped.u_outputs**2 + free.u_outputs**2), 0.0)
    of_clamp = np.hypot(left, systematic_of_moved_outputs(free, clamped))
    systematic = np.hypot(found.systematic, to_value * np.sqrt(followed**2 @ of_clamp**2))
    return Gradient(found.value, noise, systematic)
