"""Central differences of the measured loss, with their uncertainty: the reference that needs no model.

Each edge is written to two pairs of neighbouring settings. The change of the slope from one pair to the other gives the
truncation error. A cell that is written by pulses lands only near its target, and returns only nearly to its old value.
Its steps are therefore read back and wide enough to be known, and every edge gets its own measurement of the loss
before the step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ChannelFault
from labrig.instruments.data import Continuous, LevelTable, Setting, Target
from labrig.learning.neighbours import neighbours, three_point_weights
from labrig.learning.updates import Update
from labrig.rig.gradient_probe import GradientProbe
from labrig.rig.rig import Rig

Array = NDArray[np.float64]

CONTINUOUS_STEPS = (1e-3, 3e-2)
LEVEL_STEPS = (0.1, 0.3)
"""Relative steps of the two pairs. Parts with levels get steps that are large compared with the noise of the measured
loss; for cells written by pulses, they are also large compared with the tolerance of a write."""


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
        Standard uncertainty from the tolerance of the parts: steps are known only as well as the conductances are. For
        cells written by pulses it includes the change of the gradient caused by rewriting all of them.
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
    rig, home = probe.rig, update.settings()
    landing = _lands_nearby(rig, home)
    before = [_gradient(probe, example) for example in examples] if landing else []
    here = [measured_loss(probe, example) for example in examples]
    found = np.zeros((4, len(examples), len(rig.edges)))
    at_home = [float(siemens) for siemens in update.conductances]
    for edge in range(len(at_home)):
        progress(edge)
        levels = update.levels[edge]
        if landing:
            here = [measured_loss(probe, example) for example in examples]
            at_home[edge] = _held(rig, edge)
        losses: dict[float, tuple[float, list[MeasuredLoss]]] = {}
        pairs = neighbour_pairs(levels, at_home[edge], landing)
        for setting, value in (point for pair in pairs for point in pair):
            if value not in losses:
                write(rig, {edge: setting})
                there = [measured_loss(probe, example) for example in examples]
                losses[value] = _held(rig, edge) if landing else value, there
        write(rig, {edge: home[edge]})
        steps = [tuple(losses[value][0] - at_home[edge] for _, value in pair) for pair in pairs]
        if landing:
            span = min(abs(second - first) for first, second in steps)
            off = np.sqrt(2) * levels.tolerance * at_home[edge] / span
        else:
            off = levels.tolerance
        for k in range(len(examples)):
            measured = [tuple(losses[value][1][k] for _, value in pair) for pair in pairs]
            value, noise, truncation = _better(steps, measured, here[k])
            found[:, k, edge] = value, noise, truncation, abs(value) * off / np.sqrt(3)
    for k, gradient in enumerate(before):
        # The cells have been rewritten, so within their tolerance the board is now another one.
        change = _gradient(probe, examples[k]) - gradient
        found[3, k] = np.hypot(found[3, k], 2 * np.hypot(change, np.sqrt(np.mean(change**2))))
    return [Differences(*found[:, k]) for k in range(len(examples))]


def _lands_nearby(rig: Rig, asked: Mapping[int, Setting]) -> bool:
    """Whether cells hold other values than were written, as cells written by pulses do."""
    targets = {edge: setting for edge, setting in asked.items() if isinstance(setting, Target)}
    return bool(targets) and rig.read_back(targets) != targets


def _held(rig: Rig, edge: int) -> float:
    return rig.nominal(edge, rig.read_back([edge])[edge])


def _gradient(probe: GradientProbe, example: int) -> Array:
    found = probe.gradient(example).gradient
    return np.zeros(len(probe.rig.edges)) if found is None else found.value


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


def neighbour_pairs(
    levels: LevelTable | Continuous, here: float, landing: bool = False
) -> list[list[tuple[Setting, float]]]:
    """Two pairs of settings around `here`, each with its conductance (S); one-sided at an end of the range.

    `landing`: whether the part lands only near the value written, so that small steps would be poorly known.
    """
    steps = CONTINUOUS_STEPS if isinstance(levels, Continuous) and not landing else LEVEL_STEPS
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
        remedy = "check the supply, the cable and the watchdog of the programmer, then certify again"
        raise ChannelFault(what, action="certify", remedy=remedy)
