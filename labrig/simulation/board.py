"""A simulated board: the World of a network, with the actual parts and output stages drawn from a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.instruments.drivers import Capabilities, ProgrammerCapabilities, SourceCapabilities
from labrig.instruments.parts import Part
from labrig.network.physics import Network
from labrig.random_streams import RandomStream
from labrig.simulation.imperfections import Imperfections
from labrig.simulation.world import BoardWiring, SourceStage, World

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SimulatedBoard:
    """world: as it is at power-up. parts: the specimen in each channel, by the name of the programmer."""

    world: World
    parts: dict[str, Sequence[Part]]


def simulated_board(
    network: Network,
    wiring: BoardWiring,
    capabilities: Mapping[str, Capabilities],
    imperfections: Imperfections,
    seed: int,
) -> SimulatedBoard:
    """A board as it is after power-up. network: edges in the order the rig numbers them."""
    parts = {
        name: _actual_parts(name, able, imperfections, seed)
        for name, able in capabilities.items()
        if isinstance(able, ProgrammerCapabilities)
    }
    stages = {channel: _source_stage(channel, capabilities, imperfections, seed) for channel in wiring.sources}
    return SimulatedBoard(World(network, wiring, stages, _power_up(network, wiring, capabilities, parts)), parts)


def _power_up(
    network: Network, wiring: BoardWiring, capabilities: Mapping[str, Capabilities], parts: Mapping[str, Sequence[Part]]
) -> Array:
    siemens = {}
    for channel, edge in wiring.edges.items():
        name, _, number = channel.partition("/")
        able = capabilities[name]
        assert isinstance(able, ProgrammerCapabilities)
        part = parts[name][able.channels.index(number)]
        siemens[edge] = part.conductance(part.power_up)
    return np.array([siemens[edge.name] for edge in network.edges])


def _actual_parts(name: str, able: ProgrammerCapabilities, imperfections: Imperfections, seed: int) -> Sequence[Part]:
    """The specimen in every channel of a programmer."""
    if not imperfections.part_tolerance:
        return [able.part] * len(able.channels)
    generator = RandomStream(seed, f"programmer/{name}").at(0)
    return [able.part.drawn(generator) for _ in able.channels]


def _source_stage(
    channel: str, capabilities: Mapping[str, Capabilities], imperfections: Imperfections, seed: int
) -> SourceStage:
    able = capabilities[channel.partition("/")[0]]
    assert isinstance(able, SourceCapabilities)
    gain = 1 + imperfections.source_amplitude * RandomStream(seed, f"source/{channel}").at(0).standard_normal()
    return SourceStage(float(gain), 2 * able.full_scale_v / 2**able.bits if imperfections.converters else 0.0)
