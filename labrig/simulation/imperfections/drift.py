"""Drift of the zero of each channel of a digitizer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import override

from labrig.quantities import Voltage
from labrig.random_streams import RandomStream
from labrig.simulation.imperfections.imperfection import Addition, Array, Imperfection, Scans
from labrig.simulation.polygons import RandomWalk, octave_of

HOUR_S = 3600.0
FASTEST, SLOWEST = -10, 26
"""Exponents of the time scales of the random walk: it is linear within 2^−10 s (a millisecond), and lasts up to 2^26 s
(two years)."""


class Drift(Imperfection):
    """`value` is the standard deviation of the zero of a channel one hour after the start of the bench (V).

    The zero of each channel is a random walk from 0 V at the start; after t hours its standard deviation is √t times
    larger.
    """

    Options = Annotated[Voltage, Field(ge=0)]

    @override
    def addition(self, digitizer: str, channels: int) -> Addition | None:
        if not self.value:
            return None
        walk = RandomWalk(
            RandomStream(self.seed, f"drift/{digitizer}"), channels, SLOWEST, per_second=self.value**2 / HOUR_S
        )

        def drift(scans: Scans) -> Array:
            return walk.at(scans.times_s, max(FASTEST, octave_of(scans.rate_hz)), scans.columns)

        return drift
