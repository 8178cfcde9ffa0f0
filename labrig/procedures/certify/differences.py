"""Central differences of the measured loss, with their uncertainty: the reference that needs no model.

Each edge is written to two pairs of neighbouring settings. The change of the slope from one pair to the other gives the
truncation error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ChannelFault
from labrig.instruments.data import Continuous, LevelTable, Setting
from labrig.learning.neighbours import neighbours, three_point_weights
from labrig.learning.updates import Update
from labrig.rig.gradient_probe import GradientProbe
from labrig.rig.rig import Rig

Array = NDArray[np.float64]

CONTINUOUS_STEPS = (1e-3, 3e-2)
LEVEL_STEPS = (0.1, 0.3)
"""Relative steps of the two pairs. With levels, the smaller step is still large against noise of the measured loss."""


@dataclass(frozen=True)
class Differences:
    """∂C/∂θ of one example, by differences.

    Parameters
    ----------
    value : (E,) array
    noise : (E,) array
        Standard uncertainty from the noise and the rounding of the measured outputs.
    truncation : (E,) array
        Error that the curvature of the loss may leave, estimated from two step sizes.
    tolerance : (E,) array
        Standard uncertainty from the tolerance of the parts: steps are known only as well as the conductances are.
    """

    value: Array
    noise: Array
    truncation: Array
    tolerance: Array

    @property
    def uncertainty(self) -> Array:
        """(E,) combined standard uncertainty."""
        return np.sqrt(self.noise**2 + self.truncation**2 + self.tolerance**2)


@dataclass(frozen=True)
class MeasuredLoss:
    """Loss of one example from measured outputs, with its standard uncertainty from noise and rounding.

    Offset and gain errors of the digitizer are not included, because they are the same at every setting.
    """

    value: float
    uncertainty: float


def central_differences(
    probe: GradientProbe, update: Update, examples: Sequence[int], progress: Callable[[int], None] = lambda edge: None
) -> list[Differences]:
    """Return the differences of every example; each edge is restored afterwards.

    Parameters
    ----------
    probe : GradientProbe
    update : Update
        Supplies the conductances to start from.
    examples : sequence of int
    progress : callable
        Called with the number of each edge before it is written.

    Raises
    ------
    ChannelFault
        If a channel does not keep its value or settings are lost.
    """
    here = [measured_loss(probe, example) for example in examples]
    edges = len(probe.rig.edges)
    found = np.zeros((4, len(examples), edges))
    home = update.settings()
    for edge, siemens in enumerate(update.conductances):
        progress(edge)
        levels = update.levels[edge]
        pairs = neighbour_pairs(levels, float(siemens))
        losses: dict[float, list[MeasuredLoss]] = {}
        for setting, value in (point for pair in pairs for point in pair):
            if value not in losses:
                write(probe.rig, {edge: setting})
                losses[value] = [measured_loss(probe, example) for example in examples]
        write(probe.rig, {edge: home[edge]})
        for k in range(len(examples)):
            steps = [tuple(value - siemens for _, value in pair) for pair in pairs]
            measured = [tuple(losses[value][k] for _, value in pair) for pair in pairs]
            value, noise, truncation = _better(steps, measured, here[k])
            found[:, k, edge] = value, noise, truncation, abs(value) * levels.tolerance / np.sqrt(3)
    return [Differences(*found[:, k]) for k in range(len(examples))]


def _better(
    steps: Sequence[tuple[float, ...]], losses: Sequence[tuple[MeasuredLoss, ...]], here: MeasuredLoss
) -> tuple[float, float, float]:
    """Slope, noise and truncation error of the pair with the smaller uncertainty.

    The slope of the parabola through three points is off by f‴/6 times the product of its two steps.
    """
    slopes, noises, products = [], [], []
    for (first, second), (low, high) in zip(steps, losses, strict=True):
        weights = three_point_weights(first, second)
        slopes.append(float(np.dot(weights, (low.value, here.value, high.value))))
        noises.append(
            float(np.linalg.norm(np.multiply(weights, (low.uncertainty, here.uncertainty, high.uncertainty))))
        )
        products.append(first * second)
    apart = products[1] - products[0]
    curvature = abs((slopes[1] - slopes[0]) / apart) if apart else 0.0
    truncations = [abs(product) * curvature for product in products]
    best = int(np.argmin(np.hypot(noises, truncations)))
    return slopes[best], noises[best], truncations[best]


def measured_loss(probe: GradientProbe, example: int) -> MeasuredLoss:
    """Measure the loss of one example with the error sources at zero."""
    rig, target = probe.rig, probe.task.target[example]
    response = probe.measure_free(example)
    read, columns = response.demodulated, rig.hookup.output_columns
    if rig.activation == "dc":
        noise, systematic = read.u_dc[columns], read.systematic_dc[columns]
    else:
        noise, systematic = read.u_channel[0, columns], read.systematic_channel[0, columns]
    assert response.shared is not None
    rounding = np.maximum(systematic**2 - response.shared.of_outputs(response.outputs, rig.activation == "dc"), 0.0)
    slope = probe.loss.gradient(response.outputs, target)
    return MeasuredLoss(
        probe.loss.value(response.outputs, target), float(np.sqrt(np.sum(slope**2 * (noise**2 + rounding))))
    )


def neighbour_pairs(levels: LevelTable | Continuous, here: float) -> list[list[tuple[Setting, float]]]:
    """Two pairs of settings around `here`, each with its conductance (S); one-sided at an end of the range."""
    steps = CONTINUOUS_STEPS if isinstance(levels, Continuous) else LEVEL_STEPS
    return [neighbours(levels, here, step) for step in steps]


def write(rig: Rig, settings: Mapping[int, Setting]) -> None:
    """Program settings; raises ChannelFault if a channel does not keep its value or settings were lost."""
    report = rig.program(settings)
    if report.faulty or report.interrupted:
        what = (
            f"{', '.join(report.faulty)} did not keep the value that was written"
            if report.faulty
            else "settings were lost"
        )
        raise ChannelFault(what, action="certify", remedy="check the bank's supply, cable and watchdog; certify again")
