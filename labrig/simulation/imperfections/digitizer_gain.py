"""Gain error of each channel of a digitizer."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import override

from labrig.random_streams import RandomStream
from labrig.simulation.imperfections.imperfection import Imperfection, Transfer


class DigitizerGain(Imperfection):
    """`value` is the relative standard deviation of the gain."""

    Options = Annotated[float, Field(ge=0)]

    def __init__(self, value: Any, seed: int) -> None:
        super().__init__(value, seed)
        self.u_gain = value

    @override
    def transfer(self, digitizer: str, channels: int) -> Transfer | None:
        if not self.value:
            return None
        gain = 1 + self.value * RandomStream(self.seed, f"digitizer/{digitizer}").at(0).standard_normal(channels)
        return lambda volts, columns: volts * gain[columns]
