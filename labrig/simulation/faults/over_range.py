"""A channel of a digitizer that is driven beyond its range."""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from labrig.simulation.faults.fault import Array, SampleFault


class OverRange(SampleFault):
    """The channel clips."""

    @override
    def read(self, volts: Array, full_scale_v: float) -> Array:
        return np.full_like(volts, 2 * full_scale_v)
