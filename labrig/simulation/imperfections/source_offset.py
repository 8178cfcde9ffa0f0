"""Offset of each channel of a source."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import override

from labrig.quantities import Voltage
from labrig.random_streams import RandomStream
from labrig.simulation.imperfections.imperfection import Array, Imperfection, OutputTransfer


class SourceOffset(Imperfection):
    """`value` is the standard deviation of the offset (V)."""

    Options = Annotated[Voltage, Field(ge=0)]

    @override
    def output(self, channel: str, full_scale_v: float) -> OutputTransfer | None:
        if not self.value:
            return None
        offset_v = self.value * float(RandomStream(self.seed, f"source offset/{channel}").at(0).standard_normal())

        def shifted(volts: Array) -> Array:
            return volts + offset_v

        return shifted
