"""Tests that a step along the measured gradient lowers the loss by the predicted amount.

For each of N steps the change of the measured loss is compared with ∇L·Δθ for the update that was written. With the
mean of the gradients before and after a step the prediction is correct to second order in Δθ. On a simulated bench the
trajectory of the shadow conductances is also compared with exact descent from the same start.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from labrig.instruments.contracts import Truth
from labrig.learning.gradient import Gradient, mean_gradient
from labrig.learning.source_errors import combined
from labrig.learning.updates import Update, UpdateState
from labrig.procedures.certify import Verdict
from labrig.procedures.certify.bias import CONFIDENCE
from labrig.procedures.certify.differences import measured_loss, write
from labrig.procedures.certify.verdict import percent
from labrig.rig.gradient_probe import GradientProbe
from labrig.runs.units import counted

Array = NDArray[np.float64]


ORDERS = 0.5
"""Third-order term of a predicted change, in units of (second-order term)² / first-order term."""


@dataclass(frozen=True)
class DescentStep:
    """One step: the change of the loss, measured and predicted, each with its standard uncertainty.

    Parameters
    ----------
    change, u_change : float
        Change of the loss, averaged over the examples, and its standard uncertainty.
    first_order : float
        ∇L·Δθ with the gradient before the step.
    predicted : float
        ½(∇L before + ∇L after)·Δθ.
    noise, systematic, orders : float
        Standard uncertainties of the predicted change: from noise, from the instruments and the tolerance of the parts,
        and from higher orders in Δθ.
    """

    change: float
    u_change: float
    first_order: float
    predicted: float
    noise: float
    systematic: float
    orders: float


@dataclass(frozen=True)
class Descent:
    """The result of N steps of descent.

    Parameters
    ----------
    steps : tuple of DescentStep
    trajectory, u_trajectory : float or None
        Final distance of the shadow conductances from exact descent, relative to the path from the start, and its
        standard uncertainty from noise and instruments. None if the exact gradient is unknown.
    bound : float
        Largest relative deviation that counts as right.
    """

    steps: tuple[DescentStep, ...]
    trajectory: float | None
    u_trajectory: float | None
    bound: float

    @property
    def fall(self) -> float:
        """Total fall of the measured loss."""
        return -sum(step.change for step in self.steps)

    @property
    def predicted(self) -> float:
        """Total fall that the gradients predict."""
        return -sum(step.predicted for step in self.steps)

    @property
    def ratio(self) -> float:
        """Measured over predicted fall; it should be 1."""
        return self.fall / self.predicted if self.predicted else float("nan")

    @property
    def ratio_uncertainty(self) -> float:
        """Standard uncertainty of the ratio.

        The measured losses between the first and the last step cancel. Uncertainties from instruments, parts and higher
        orders are common to all steps, so they add linearly.
        """
        if not self.predicted:
            return float("inf")
        return float(np.linalg.norm(list(self._parts.values())) / abs(self.predicted))

    @property
    def ratio_interval(self) -> tuple[float, float]:
        """Confidence interval of the ratio."""
        half = float(ndtri(CONFIDENCE)) * self.ratio_uncertainty
        return self.ratio - half, self.ratio + half

    @property
    def verdict(self) -> Verdict:
        """Right if the ratio and the trajectory are within the bound even with their uncertainties."""
        return self._judged[0]

    @property
    def _parts(self) -> dict[str, float]:
        """Uncertainties of measured − predicted fall; each key names the source and what would reduce it."""
        ends = np.hypot(self.steps[0].u_change, self.steps[-1].u_change) / np.sqrt(2)
        return {
            "noise: use more steps, a longer acquisition.window or a larger error (learning.error)": float(
                np.hypot(np.linalg.norm([step.noise for step in self.steps]), ends)
            ),
            "instruments and the tolerance of the parts: calibrate them": sum(step.systematic for step in self.steps),
            "the curvature of the loss: use a smaller learning.rate": sum(step.orders for step in self.steps),
        }

    @property
    def _judged(self) -> tuple[Verdict, str]:
        if not self.predicted:
            return Verdict.UNRESOLVED, "no step changed a setting: use a larger learning.rate or more steps"
        low, high = self.ratio_interval
        off = abs(self.ratio - 1)
        half = (high - low) / 2
        if off - half > self.bound:
            return Verdict.WRONG, f"the loss does not fall as the gradient predicts (off by {percent(off)})"
        if self.trajectory is not None and self.u_trajectory is not None:
            if self.trajectory - 3 * self.u_trajectory > self.bound:
                return Verdict.WRONG, f"the trajectory is {percent(self.trajectory)} away from exact descent"
            if self.trajectory > self.bound:
                return Verdict.UNRESOLVED, "noise and instruments may explain the deviation of the trajectory"
        if off + half < self.bound:
            return Verdict.RIGHT, f"the loss falls as the gradient predicts, to within {percent(off + half)}"
        return Verdict.UNRESOLVED, (
            f"the predicted fall is uncertain by {percent(self.ratio_uncertainty)}, mostly from "
            f"{max(self._parts, key=self._parts.__getitem__)}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the figures for JSON."""
        verdict, reason = self._judged
        return {
            "steps": len(self.steps),
            "fall": self.fall,
            "predicted_fall": self.predicted,
            "ratio": self.ratio if self.predicted else None,
            "ratio_interval": list(self.ratio_interval) if self.predicted else [None, None],
            "trajectory": self.trajectory,
            "u_trajectory": self.u_trajectory,
            "verdict": verdict.value,
            "reason": reason,
            "each": [
                {
                    "change": step.change,
                    "u_change": step.u_change,
                    "first_order": step.first_order,
                    "predicted": step.predicted,
                    "u_predicted": float(np.linalg.norm((step.noise, step.systematic, step.orders))),
                }
                for step in self.steps
            ],
        }


def descend(
    probe: GradientProbe,
    update: Update,
    truth: Truth | None,
    examples: Sequence[int],
    steps: int,
    bound: float,
    progress: Callable[[str], None] = lambda message: None,
) -> Descent:
    """Train for some steps from the present conductances, then restore them.

    Parameters
    ----------
    probe : GradientProbe
    update : Update
        Supplies the starting point and makes the steps; its state is restored.
    truth : Truth or None
        The exact gradient of a simulated bench; None if there is none.
    examples : sequence of int
        Indices into the task: the batch of every step.
    steps : int
    bound : float
        Largest relative deviation that counts as right.
    progress : callable
        Called with a line of text before each part.

    Raises
    ------
    ChannelFault
        If a channel does not keep its value or settings are lost.
    """
    start = update.state()
    write(probe.rig, update.settings())
    progress(f"descent: {counted(steps, 'step')}")
    measured: list[Gradient] = [_gradient(probe, examples)]
    losses = [_loss(probe, examples)]
    taken: list[Array] = []
    shadows_u = np.zeros(len(probe.rig.edges))
    try:
        for _ in range(steps):
            here, shadow = update.conductances, update.shadow.copy()
            gradient = measured[-1]
            write(probe.rig, update.apply(gradient.value))
            taken.append(update.conductances - here)
            moved = np.abs(update.shadow - shadow)
            shadows_u = shadows_u + moved * _relative(gradient)
            measured.append(_gradient(probe, examples))
            losses.append(_loss(probe, examples))
        end = update.shadow.copy()
        off, u_off = None, None
        if truth is not None:
            off, u_off = _against_exact(probe, update, truth, examples, start, end, shadows_u, steps, progress)
    finally:
        update.restore(start)
        write(probe.rig, update.settings())
    tolerance = np.array([levels.tolerance / np.sqrt(3) for levels in update.levels])
    rows = []
    for k, step in enumerate(taken):
        before, after = measured[k], measured[k + 1]
        mean = (before.value + after.value) / 2
        rows.append(
            DescentStep(
                change=losses[k + 1][0] - losses[k][0],
                u_change=float(np.hypot(losses[k + 1][1], losses[k][1])),
                first_order=float(before.value @ step),
                predicted=float(mean @ step),
                noise=float(np.linalg.norm(np.hypot(before.standard_error, after.standard_error) / 2 * step)),
                systematic=float(
                    math.hypot(
                        np.linalg.norm((before.systematic + after.systematic) / 2 * step),
                        np.linalg.norm(_modes(before, after) @ step),
                        np.linalg.norm(mean * step * tolerance),
                    )
                ),
                orders=_third_order(float(before.value @ step), float(mean @ step)),
            )
        )
    return Descent(tuple(rows), off, u_off, bound)


def _against_exact(
    probe: GradientProbe,
    update: Update,
    truth: Truth,
    examples: Sequence[int],
    start: UpdateState,
    end: Array,
    u_end: Array,
    steps: int,
    progress: Callable[[str], None],
) -> tuple[float, float]:
    """Descend again by the exact gradient; return the relative distance of the two end points, and its uncertainty."""
    progress("exact descent from the same start")
    update.restore(start)
    write(probe.rig, update.settings())
    tone, loss = probe.rig.activation == "sine", probe.loss
    for _ in range(steps):
        exact = np.mean(
            [
                truth.gradient(probe.task.activation[k], lambda v, k=k: loss.gradient(v, probe.task.target[k]), tone)
                for k in examples
            ],
            axis=0,
        )
        write(probe.rig, update.apply(exact))
    way = float(np.linalg.norm(update.shadow - start.shadow))
    if way == 0:
        return 0.0, 0.0
    return float(np.linalg.norm(end - update.shadow) / way), float(np.linalg.norm(u_end) / way)


def _third_order(first: float, predicted: float) -> float:
    """Estimate the third-order term from the first-order change and the prediction to second order."""
    return ORDERS * (predicted - first) ** 2 / abs(first) if first else 0.0


def _gradient(probe: GradientProbe, examples: Sequence[int]) -> Gradient:
    return mean_gradient([probe.gradient(example).gradient for example in examples], len(probe.rig.edges))


def _loss(probe: GradientProbe, examples: Sequence[int]) -> tuple[float, float]:
    """Mean measured loss of the examples with its standard uncertainty."""
    found = [measured_loss(probe, example) for example in examples]
    noise = float(np.linalg.norm([each.uncertainty for each in found]))
    return float(np.mean([each.value for each in found])), noise / len(found)


def _modes(before: Gradient, after: Gradient) -> Array:
    """(Q, E) deviations, common to many edges, of the mean of two gradients."""
    mean = combined([(0.5, before.sources), (0.5, after.sources)])
    return np.zeros((0, len(before.value))) if mean is None else mean.modes


def _relative(gradient: Gradient) -> Array:
    """(E,) uncertainty of a step along a gradient relative to the step."""
    size = np.abs(gradient.value)
    return np.divide(gradient.uncertainty, size, out=np.zeros_like(size), where=size > 0)
