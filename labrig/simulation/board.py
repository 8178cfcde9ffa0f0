"""A simulated board: the World of a network, with the actual parts and output stages drawn from a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.instruments.drivers import Capabilities, ProgrammerCapabilities, SourceCapabilities
from labrig.instruments.multiplexer import DIRECT
from labrig.instruments.parts import Part
from labrig.instruments.parts.memristor import Memristor
from labrig.network.physics import Network
from labrig.signals.tones import ToneProgram
from labrig.simulation.imperfections import Imperfections
from labrig.simulation.world import BoardWiring, Cells, SourceStage, World

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SimulatedBoard:
    """A board after power-up. world: its World. parts: the actual part in each channel, by programmer."""

    world: World
    parts: dict[str, Sequence[Part]]


def simulated_board(
    network: Network,
    wiring: BoardWiring,
    capabilities: Mapping[str, Capabilities],
    imperfections: Imperfections,
    seed: int,
) -> SimulatedBoard:
    """Return a board after power-up. `network` has the edges in the order of the rig; `seed` is for the memristors."""
    parts = {
        name: imperfections.specimens(name, able.part, len(able.channels))
        for name, able in capabilities.items()
        if isinstance(able, ProgrammerCapabilities)
    }
    stages = {
        channel: SourceStage() if channel in wiring.references else _source_stage(channel, capabilities, imperfections)
        for channel in wiring.sources
    }
    power_up = _power_up(network, wiring, capabilities, parts)
    real = imperfections.network(network)
    world = World(real, wiring, stages, power_up, _node_farad(real, wiring, imperfections))
    memristors = {
        f"{name}/{channel}": part
        for name, several in parts.items()
        for channel, part in zip(capabilities[name].channels, several, strict=True)
        if isinstance(part, Memristor)
    }
    world.cells = Cells(memristors, wiring.edges, seed, world.set)
    for channel, volts in wiring.references.items():
        world.drive(0.0, channel, ToneProgram(volts))
    return SimulatedBoard(world, parts)


def _node_farad(network: Network, wiring: BoardWiring, imperfections: Imperfections) -> Array:
    """Return the (N,) capacitances of the nodes (F)."""
    farad = np.zeros(len(network.nodes))
    for channel, node in wiring.senses.items():
        farad[network.nodes.index(node)] = imperfections.node_farad(wiring.leads.get(channel, DIRECT))
    return farad


def _power_up(
    network: Network, wiring: BoardWiring, capabilities: Mapping[str, Capabilities], parts: Mapping[str, Sequence[Part]]
) -> Array:
    """Return the (E,) conductances that the parts have when their supply comes up (S)."""
    siemens = {}
    for channel, edge in wiring.edges.items():
        name, _, number = channel.partition("/")
        part = parts[name][capabilities[name].channels.index(number)]
        siemens[edge] = part.conductance(part.power_up)
    return np.array([siemens[edge.name] for edge in network.edges])


def _source_stage(channel: str, capabilities: Mapping[str, Capabilities], imperfections: Imperfections) -> SourceStage:
    able = capabilities[channel.partition("/")[0]]
    assert isinstance(able, SourceCapabilities)
    return SourceStage(
        imperfections.source_gain(channel),
        able.step_v if imperfections.convert else 0.0,
        imperfections.outputs(channel, able.full_scale_v),
        imperfections.players(channel),
    )
