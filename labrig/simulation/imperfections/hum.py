"""Mains hum in each channel of a digitizer; its frequency wanders like that of a real grid."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field
from typing_extensions import override

from labrig.config.section import Section
from labrig.quantities import Frequency, PositiveFrequency, Voltage
from labrig.random_streams import RandomStream
from labrig.simulation.imperfections.imperfection import Addition, Array, Imperfection, Scans

WANDER_PERIODS_S = np.geomspace(20.0, 2000.0, 6)
"""Periods of the wander (s): the frequency of a grid changes within minutes, with its load and control."""


class HumOptions(Section):
    """The keys under `hum`.

    Attributes
    ----------
    rms : float
        Rms of the fundamental (V): the standard deviation over the channels, each of which has its own size and sign.
    frequency : float
        Frequency of the mains (Hz).
    wander : float
        Rms deviation of the frequency (Hz), which wanders over minutes on the bench's clock.
    harmonics : tuple of float
        Rms of the second, third, … harmonic, relative to the fundamental.
    common : bool
        Whether all channels have the same hum, with this `rms`.
    """

    rms: Annotated[Voltage, Field(ge=0)]
    frequency: PositiveFrequency = 50.0
    wander: Annotated[Frequency, Field(ge=0)] = 0.0
    harmonics: tuple[Annotated[float, Field(ge=0)], ...] = Field((), strict=False)
    common: bool = False


class Hum(Imperfection):
    """`value` is a `HumOptions`."""

    Options = HumOptions

    @override
    def addition(self, digitizer: str, channels: int) -> Addition | None:
        hum: HumOptions = self.value
        if not hum.rms:
            return None
        generator = RandomStream(self.seed, f"hum/{digitizer}").at(0)
        sizes = hum.rms * (np.ones(channels) if hum.common else generator.standard_normal(channels))
        # All digitizers are on the same grid.
        grid = RandomStream(self.seed, "mains").at(0)
        wander_phase = 2 * np.pi * grid.random(len(WANDER_PERIODS_S))
        wander_rad = hum.wander * np.sqrt(2 / len(WANDER_PERIODS_S)) * WANDER_PERIODS_S
        orders = np.arange(1, 2 + len(hum.harmonics))
        phases = 2 * np.pi * grid.random(len(orders))
        shares = np.array([1.0, *hum.harmonics])

        def added(scans: Scans) -> Array:
            times = scans.times_s
            turns = 2 * np.pi * np.multiply.outer(times, 1 / WANDER_PERIODS_S) + wander_phase
            angle = 2 * np.pi * hum.frequency * times + np.sin(turns) @ wander_rad
            wave = np.sqrt(2) * np.cos(np.multiply.outer(angle, orders) + phases) @ shares
            return np.multiply.outer(wave, sizes[scans.columns])

        return added
