"""A simulated board: the World of a network, with the actual parts and output stages drawn from a seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.instruments.drivers import Capabilities, ProgrammerCapabilities, SourceCapabilities
from labrig.network.physics import Network
from labrig.random_streams import RandomStream
from labrig.simulation.imperfections import Imperfections
from labrig.simulation.world import BoardWiring, SourceStage, World

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SimulatedBoard:
    """world: at power-up, wipers at mid scale. end_to_end_ohm: (channels,) of every programmer's bank, by name."""

    world: World
    end_to_end_ohm: dict[str, Array]


def simulated_board(
    network: Network,
    wiring: BoardWiring,
    capabilities: Mapping[str, Capabilities],
    imperfections: Imperfections,
    seed: int,
) -> SimulatedBoard:
    """A board as it is after power-up. network: edges in the order the rig numbers them."""
    ohm = {
        name: _actual_resistances(name, able, imperfections, seed)
        for name, able in capabilities.items()
        if isinstance(able, ProgrammerCapabilities)
    }
    stages = {channel: _source_stage(channel, capabilities, imperfections, seed) for channel in wiring.sources}
    return SimulatedBoard(World(network, wiring, stages, _power_up(network, wiring, capabilities, ohm)), ohm)


def _power_up(
    network: Network, wiring: BoardWiring, capabilities: Mapping[str, Capabilities], ohm: Mapping[str, Array]
) -> Array:
    siemens = {}
    for channel, edge in wiring.edges.items():
        name, _, number = channel.partition("/")
        able = capabilities[name]
        assert isinstance(able, ProgrammerCapabilities)
        actual = ohm[name][able.channels.index(number)]
        siemens[edge] = float(able.part.conductance(np.array(able.part.steps // 2), actual))
    return np.array([siemens[edge.name] for edge in network.edges])


def _actual_resistances(name: str, able: ProgrammerCapabilities, imperfections: Imperfections, seed: int) -> Array:
    """End-to-end resistance of every channel of a bank (Ω), uniform within the part's tolerance."""
    nominal = np.full(len(able.channels), able.part.end_to_end_ohm)
    if not imperfections.part_tolerance:
        return nominal
    draw = RandomStream(seed, f"programmer/{name}").at(0).uniform(-1.0, 1.0, len(nominal))
    return nominal * (1 + able.part.tolerance * draw)


def _source_stage(
    channel: str, capabilities: Mapping[str, Capabilities], imperfections: Imperfections, seed: int
) -> SourceStage:
    able = capabilities[channel.partition("/")[0]]
    assert isinstance(able, SourceCapabilities)
    gain = 1 + imperfections.source_amplitude * RandomStream(seed, f"source/{channel}").at(0).standard_normal()
    return SourceStage(float(gain), 2 * able.full_scale_v / 2**able.bits if imperfections.converters else 0.0)
