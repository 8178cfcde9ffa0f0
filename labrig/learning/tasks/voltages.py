"""What tasks share whose outputs should reach voltages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labrig.learning.losses import Targets
from labrig.learning.tasks.goals import RMS, Goal
from labrig.learning.tasks.task import Indices, Task

Array = NDArray[np.float64]
RMS_SHARE = 0.02
"""Difference of the rms distance that matters, as a share of the targets' own root mean square."""
NO_EXAMPLES: Indices = np.array([], dtype=np.intp)


@dataclass(frozen=True)
class VoltageTask(Task):
    """Reports the rms distance from the targets over examples and readouts (V)."""

    targets: ClassVar[Targets] = "voltages"
    goals: ClassVar[tuple[Goal, ...]] = (RMS,)

    def read(self, outputs: Array) -> Array:
        """(M, R) readouts of outputs (M, O), V."""
        return outputs @ self.readout.T

    @override
    def figures(self, examples: Indices, outputs: Array) -> dict[str, float]:
        differences = self.read(outputs) - self.target[examples]
        return {"rms_v": float(np.sqrt(np.mean(differences**2)))}

    @override
    def tolerances(self) -> Mapping[str, float]:
        return {"rms_v": RMS_SHARE * float(np.sqrt(np.mean(self.target**2)))}
