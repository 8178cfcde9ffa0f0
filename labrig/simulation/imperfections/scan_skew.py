"""Difference between the actual and the stated sampling time of each channel of a digitizer."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import override

from labrig.quantities import Time
from labrig.random_streams import RandomStream
from labrig.simulation.imperfections.imperfection import Array, Imperfection


class ScanSkew(Imperfection):
    """`value` is the standard deviation of the difference over the channels (s)."""

    Options = Annotated[Time, Field(ge=0)]

    @override
    def scan_delay_s(self, digitizer: str, channels: int) -> Array | None:
        if not self.value:
            return None
        return self.value * RandomStream(self.seed, f"scan skew/{digitizer}").at(0).standard_normal(channels)
