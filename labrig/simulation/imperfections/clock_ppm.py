"""Difference between the clock of a source and that of the digitizer."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field
from typing_extensions import override

from labrig.random_streams import RandomStream
from labrig.signals.tones import ToneProgram
from labrig.simulation.imperfections.imperfection import Imperfection, Player

MOST_PPM = 1000.0


class ClockPpm(Imperfection):
    """`value` is the standard deviation of the clock error (ppm), which is drawn once for each source.

    On the digitizer's clock, every frequency of a source is off by this error, as if the source were not locked to that
    clock. Tones still start at the trigger. They do not repeat after a whole number of samples, so every sample is
    computed separately.
    """

    Options = Annotated[float, Field(ge=0, le=MOST_PPM)]

    @override
    def player(self, channel: str) -> Player | None:
        if not self.value:
            return None
        source = channel.partition("/")[0]
        ratio = 1 + 1e-6 * self.value * float(RandomStream(self.seed, f"clock/{source}").at(0).standard_normal())

        def off(program: ToneProgram) -> ToneProgram:
            tones = tuple(replace(tone, frequency_hz=ratio * tone.frequency_hz) for tone in program.tones)
            return ToneProgram(program.dc, tones)

        return off
