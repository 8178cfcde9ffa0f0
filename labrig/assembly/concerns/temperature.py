"""A softmax temperature so far above all voltages that all classes look alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labrig.learning.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from labrig.medium import medium_in_use

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly
    from labrig.assembly.concerns import Warnings

FLAT = 10.0
"""Temperature, in units of the largest drive, above which probabilities differ by less than 10 %."""


def temperature(assembly: Assembly) -> Warnings:
    """Warn of a temperature at which outputs within the range of the drives hardly change the probabilities."""
    loss = assembly.loss
    largest = float(np.abs(assembly.task.activation).max())
    if not isinstance(loss, SoftmaxCrossEntropy) or not medium_in_use().within_drives:
        return
    if any(wire.actuator for wire in assembly.board.hookup.inputs) or loss.temperature <= FLAT * largest:
        return
    written, drive = (medium_in_use().text("state", value) for value in (loss.temperature, largest))
    slip = medium_in_use().text("state", 1e-9 * loss.temperature)
    remedy = f"did you mean {slip}?" if loss.temperature >= 1e3 else "use a small fraction of this"
    yield (
        ("learning", "temperature"),
        f"at {written} all classes look alike, because outputs are within the drives, at most {drive}; {remedy}",
    )
