"""1/f noise of each channel of a digitizer, which goes on from one acquisition to the next."""

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
"""The slowest part has an interval of 2^17 s, a day and a half: a board on a bench knows nothing slower."""


class Flicker(Imperfection):
    """`value` is its rms from 0.1 Hz to 10 Hz (V), the band that data sheets of amplifiers and references quote.

    Its density is S(f) = K/f with K = value² / ln 100, by the bench's clock: slow parts are common to acquisitions
    that follow each other. From a tenth of the sample rate on, where white noise rules, it is a fifth less and falls.
    """

    Options = Annotated[Voltage, Field(ge=0)]

    @override
    def addition(self, digitizer: str, channels: int) -> Addition | None:
        if not self.value:
            return None
        k = self.value**2 / math.log(BAND_HZ[1] / BAND_HZ[0])
        noise = OneOverF(RandomStream(self.seed, f"flicker/{digitizer}"), channels, SLOWEST, k)

        def flicker(scans: Scans) -> Array:
            return noise.at(scans.times_s, octave_of(scans.rate_hz), scans.columns)

        return flicker
