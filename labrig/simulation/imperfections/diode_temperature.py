"""Diodes at another temperature than in their data sheets."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Field
from typing_extensions import override

from labrig.config.section import Section
from labrig.network.physics import Network
from labrig.network.resistive.diodes import TEMPERATURE_K
from labrig.network.resistive.network import ResistiveNetwork
from labrig.quantities import Temperature
from labrig.random_streams import RandomStream
from labrig.simulation.imperfections.imperfection import Imperfection

MOST_K = 100.0


class DiodeTemperatureOptions(Section):
    """The keys under `diode_temperature`.

    Attributes
    ----------
    offset : float
        Temperature of all junctions relative to 27 °C (K).
    spread : float
        Standard deviation of the temperature among junctions (K).
    """

    offset: Annotated[Temperature, Field(ge=-MOST_K, le=MOST_K)] = 0.0
    spread: Annotated[Temperature, Field(ge=0, le=MOST_K / 4)] = 0.0


class DiodeTemperature(Imperfection):
    """`value` is a `DiodeTemperatureOptions`. A network without diodes is unchanged."""

    Options = DiodeTemperatureOptions

    @override
    def network(self, network: Network) -> Network:
        temperature: DiodeTemperatureOptions = self.value
        if not (temperature.offset or temperature.spread) or not isinstance(network, ResistiveNetwork):
            return network
        drawn = RandomStream(self.seed, "diode temperature").at(0).standard_normal(len(network.diodes))
        warmer = temperature.offset + temperature.spread * drawn
        diodes = tuple(
            replace(diode, model=diode.model.at(TEMPERATURE_K + float(kelvin)))
            for diode, kelvin in zip(network.diodes, warmer, strict=True)
        )
        return replace(network, diodes=diodes)
