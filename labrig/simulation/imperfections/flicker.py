"""1/f noise of each channel of a digitizer, which continues from one acquisition to the next."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field
from typing_extensions import override

from labrig.quantities import Voltage
from labrig.random_streams import RandomStream
from labrig.simulation.imperfections.imperfection import Addition, Array, Imperfection, Scans
from labrig.simulation.polygons import OneOverF, octave_of

BAND_HZ = 0.1, 10.0
SLOWEST = 17
"""Exponent of the interval of the slowest part: 2^17 s, a day and a half; nothing slower matters on a bench."""


class Flicker(Imperfection):
    """`value` is the rms of the noise from 0.1 Hz to 10 Hz (V), the band quoted in data sheets of amplifiers.

    The density is S(f) = K/f with K = value² / ln 100, on the bench's clock: successive acquisitions have slow parts in
    common. At a tenth of the sample rate the simulated density is a fifth below K/f, and above that it falls faster
    than K/f; white noise dominates there.
    """

    Options = Annotated[Voltage, Field(ge=0)]

    @override
    def noise_variance(self, hz: float, samples: int, rate_hz: float) -> float:
        duration_s = samples / rate_hz
        k = self.value**2 / math.log(BAND_HZ[1] / BAND_HZ[0])
        # At DC, the density at the lowest frequency that a window resolves.
        return k / hz / duration_s if hz else k / 2

    @override
    def addition(self, digitizer: str, channels: int) -> Addition | None:
        if not self.value:
            return None
        k = self.value**2 / math.log(BAND_HZ[1] / BAND_HZ[0])
        noise = OneOverF(RandomStream(self.seed, f"flicker/{digitizer}"), channels, SLOWEST, k)

        def flicker(scans: Scans) -> Array:
            return noise.at(scans.times_s, octave_of(scans.rate_hz), scans.columns)

        return flicker
