"""White noise that all channels of a digitizer have in common."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field
from typing_extensions import override

from labrig.quantities import Voltage
from labrig.random_streams import RandomStream
from labrig.simulation.imperfections.imperfection import Addition, Array, Imperfection, Scans
from labrig.simulation.imperfections.noise import white


class CommonMode(Imperfection):
    """`value` is the rms of the noise (V). All channels of a scan have the same noise, even if they are skewed."""

    Options = Annotated[Voltage, Field(ge=0)]
    noise_is_common = True

    @override
    def noise_variance(self, hz: float, samples: int, rate_hz: float) -> float:
        return (2.0 if hz else 1.0) * self.value**2 / samples

    @override
    def addition(self, digitizer: str, channels: int) -> Addition | None:
        if not self.value:
            return None
        rms_v, stream = self.value, RandomStream(self.seed, f"common mode/{digitizer}")

        def noise(scans: Scans) -> Array:
            return np.repeat(white(scans, 1, rms_v, stream), len(scans.columns), axis=1)

        return noise
