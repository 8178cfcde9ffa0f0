"""The loss of one example from measured outputs, and how well a difference of two of them is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labrig.instruments.data import Continuous, LevelTable
from labrig.learning.losses import Loss
from labrig.learning.measurement import Response

Array = NDArray[np.float64]


def measured_loss(loss: Loss, response: Response, target: Array) -> tuple[float, float]:
    """C of one example, and its standard error from the noise of the outputs."""
    slope = loss.gradient(response.outputs, target)
    return loss.value(response.outputs, target), float(np.linalg.norm(slope * response.u_outputs))


def u_of_steps(slope: Array, levels: Sequence[LevelTable | Continuous], step: float) -> Array:
    """(E,) standard uncertainty of slopes: tolerance of the parts, and about `step`² from the finite step."""
    tolerances = np.array([each.tolerance for each in levels])
    return np.abs(slope) * np.hypot(tolerances / np.sqrt(3), step**2)
