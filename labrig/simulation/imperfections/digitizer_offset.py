"""Offset of each channel of a digitizer."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import override

from labrig.quantities import Voltage
from labrig.random_streams import RandomStream
from labrig.simulation.imperfections.imperfection import Imperfection, Transfer


class DigitizerOffset(Imperfection):
    """`value` is the standard deviation of the offset (V)."""

    Options = Annotated[Voltage, Field(ge=0)]

    def __init__(self, value: Any, seed: int) -> None:
        super().__init__(value, seed)
        self.u_offset_v = value

    @override
    def transfer(self, digitizer: str, channels: int) -> Transfer | None:
        if not self.value:
            return None
        # The first half of this stream is used for the gains of the same channels, the second half for their offsets.
        drawn = RandomStream(self.seed, f"digitizer/{digitizer}").at(0).standard_normal(2 * channels)[channels:]
        offset_v = self.value * drawn
        return lambda volts, columns: volts + offset_v[columns]
