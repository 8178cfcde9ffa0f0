"""Common base of tasks whose outputs should reach given values: voltages, displacements or pressures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labrig.learning.losses import Targets
from labrig.learning.tasks.goals import RMS, Goal
from labrig.learning.tasks.task import Indices, Task
from labrig.medium import medium_in_use

Array = NDArray[np.float64]
RMS_SHARE = 0.02
"""Smallest change of the rms distance that matters, as a share of the rms of the targets."""
NO_EXAMPLES: Indices = np.array([], dtype=np.intp)


@dataclass(frozen=True)
class VoltageTask(Task):
    """A task that reports the rms distance from the targets over examples and readouts, as `rms_v` in V.

    Parameters
    ----------
    state_key : str
        Ending of the name of that metric: 'v' for voltages; other media have 'm' or 'pa'.
    """

    state_key: str = field(default_factory=lambda: medium_in_use().state_key, kw_only=True)

    targets: ClassVar[Targets] = "voltages"
    goals: ClassVar[tuple[Goal, ...]] = (RMS,)

    def read(self, outputs: Array) -> Array:
        """(M, R) readouts of outputs (M, O), in V."""
        return outputs @ self.readout.T

    @override
    def figures(self, examples: Indices, outputs: Array) -> dict[str, float]:
        differences = self.read(outputs) - self.target[examples]
        return {f"rms_{self.state_key}": float(np.sqrt(np.mean(differences**2)))}

    @override
    def tolerances(self) -> Mapping[str, float]:
        return {f"rms_{self.state_key}": self._negligible}

    @override
    def solved(self) -> Mapping[str, float]:
        return {RMS.key: self._negligible}

    @property
    def _negligible(self) -> float:
        return RMS_SHARE * float(np.sqrt(np.mean(self.target**2)))
