"""White noise of every sample of every channel of a digitizer."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field
from typing_extensions import override

from labrig.quantities import Voltage
from labrig.random_streams import RandomStream
from labrig.simulation.imperfections.imperfection import Addition, Array, Imperfection, Scans

BLOCK = 1024
"""Number of scans whose noise is drawn together; the position in the random stream is (acquisition, block)."""


class Noise(Imperfection):
    """`value` is the rms of the noise (V)."""

    Options = Annotated[Voltage, Field(ge=0)]

    @override
    def noise_variance(self, hz: float, samples: int, rate_hz: float) -> float:
        return (2.0 if hz else 1.0) * self.value**2 / samples

    @override
    def addition(self, digitizer: str, channels: int) -> Addition | None:
        if not self.value:
            return None
        rms_v, stream = self.value, RandomStream(self.seed, f"noise/{digitizer}")
        return lambda scans: white(scans, len(scans.columns), rms_v, stream)


def white(scans: Scans, width: int, rms_v: float, stream: RandomStream) -> Array:
    """Return (n, width) white noise of scans (V), which does not depend on how an acquisition is split."""
    first, last = scans.first, scans.last
    pieces = []
    for block in range(first // BLOCK, -(-last // BLOCK)):
        begins = block * BLOCK
        inside = slice(max(first, begins) - begins, min(last, begins + BLOCK) - begins)
        drawn = stream.noise((inside.stop, width), rms_v, scans.acquisition, block)
        pieces.append(drawn[inside] if inside.start else drawn)
    return pieces[0] if len(pieces) == 1 else np.concatenate([np.empty((0, width)), *pieces])
