"""The loss of one example from measured outputs, and the uncertainty of finite differences of the loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labrig.instruments.data import Continuous, LevelTable
from labrig.learning.losses import Loss
from labrig.learning.measurement import Response

Array = NDArray[np.float64]


def measured_loss(loss: Loss, response: Response, target: Array) -> tuple[float, float]:
    """Loss C of one example, and its standard error due to noise of the outputs."""
    slope = loss.gradient(response.outputs, target)
    return loss.value(response.outputs, target), float(np.linalg.norm(slope * response.u_outputs))


def u_of_steps(slope: Array, levels: Sequence[LevelTable | Continuous], step: float) -> Array:
    """(E,) standard uncertainty of finite-difference slopes (E,).

    It combines the tolerance of the parts with a relative error of about `step`² due to the finite relative `step`.
    """
    tolerances = np.array([each.tolerance for each in levels])
    return np.abs(slope) * np.hypot(tolerances / np.sqrt(3), step**2)
