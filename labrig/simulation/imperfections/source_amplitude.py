"""Amplitude error of each channel of a source."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import override

from labrig.random_streams import RandomStream
from labrig.simulation.imperfections.imperfection import Imperfection


class SourceAmplitude(Imperfection):
    """`value` is the relative standard deviation of the amplitude."""

    Options = Annotated[float, Field(ge=0)]

    def __init__(self, value: Any, seed: int) -> None:
        super().__init__(value, seed)
        self.u_source_gain = value

    @override
    def source_gain(self, channel: str) -> float:
        return 1.0 + self.value * float(RandomStream(self.seed, f"source/{channel}").at(0).standard_normal())
