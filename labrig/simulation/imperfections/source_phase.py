"""Delay of the tones of each channel of a source."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field
from typing_extensions import override

from labrig.quantities import Time
from labrig.random_streams import RandomStream
from labrig.signals.tones import ToneProgram
from labrig.simulation.imperfections.imperfection import Imperfection, Player


class SourcePhase(Imperfection):
    """`value` is the standard deviation of the delay (s). A tone of frequency f lags by 2πf times the delay."""

    Options = Annotated[Time, Field(ge=0)]

    @override
    def player(self, channel: str) -> Player | None:
        if not self.value:
            return None
        delay_s = self.value * float(RandomStream(self.seed, f"source phase/{channel}").at(0).standard_normal())

        def delayed(program: ToneProgram) -> ToneProgram:
            tones = tuple(
                replace(tone, phase_rad=tone.phase_rad - 2 * np.pi * tone.frequency_hz * delay_s)
                for tone in program.tones
            )
            return ToneProgram(program.dc, tones)

        return delayed
