"""The output stages of all sources of a board: from requested voltages to actual ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labrig.simulation.world.wiring import SourceStage

Array = NDArray[np.float64]


class OutputStages:
    """The output stages of S sources, in the order of the network's sources."""

    def __init__(self, stages: Sequence[SourceStage]) -> None:
        self.gain = np.array([stage.gain for stage in stages])
        step = np.array([stage.step_v for stage in stages])
        self._converts = step > 0
        self._all_convert = bool(self._converts.all())
        self._step = np.where(self._converts, step, 1.0)
        self._outputs = {number: stage.outputs for number, stage in enumerate(stages) if stage.outputs}

    def converted(self, source_v: Array, which: NDArray[np.intp] | None = None) -> Array:
        """Return the actual voltages (…, S) for requested ones; `which` names the sources of the columns if not all."""
        step = self._step if which is None else self._step[which]
        rounded = source_v / step
        np.rint(rounded, out=rounded)
        rounded *= step
        if not self._all_convert:
            rounded = np.where(self._converts if which is None else self._converts[which], rounded, source_v)
        return self.unrounded(rounded, which)

    def unrounded(self, source_v: Array, which: NDArray[np.intp] | None = None) -> Array:
        """Return the voltages (…, S) that the stages would give without the steps of their converters."""
        volts = source_v * (self.gain if which is None else self.gain[which])
        if self._outputs:
            for column, number in enumerate(range(len(self.gain)) if which is None else which.tolist()):
                for output in self._outputs.get(number, ()):
                    volts[..., column] = output(volts[..., column])
        return volts
