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
"""The zero walks for up to 2^26 s, two years; within 2^−10 s, a millisecond, it goes straight."""


class Drift(Imperfection):
    """`value` is how far the zero of a channel has gone an hour after the start (V, standard deviation).

    Each channel walks at random from 0 V when the bench starts: after t hours it is √t times as far.
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
