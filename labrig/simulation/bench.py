"""The simulated bench: one World, its imperfections drawn from a seed, and the faces of every instrument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.clock import SimulatedClock
from labrig.instruments.contracts import Instrument
from labrig.instruments.drivers import (
    Capabilities,
    DigitizerCapabilities,
    DriverInfo,
    ProgrammerCapabilities,
    SourceCapabilities,
)
from labrig.network.graph import Graph
from labrig.random_streams import RandomStream
from labrig.simulation.faces import SimulatedDigitizer, SimulatedProgrammer, SimulatedSource, Stage
from labrig.simulation.imperfections import Imperfections
from labrig.simulation.world import BoardWiring, SourceStage, World

Array = NDArray[np.float64]


class SimulatedBench:
    """Keeps the Bench protocol.

    graph: the board, edges in the order the rig numbers them. capabilities: of every instrument, by name.
    inputs: source channels ("awg/0") of the activation. outputs: nodes. Both only give `truth` its axes.
    """

    def __init__(
        self,
        graph: Graph,
        wiring: BoardWiring,
        capabilities: dict[str, Capabilities],
        imperfections: Imperfections,
        seed: int,
        inputs: Sequence[str],
        outputs: Sequence[str],
    ) -> None:
        self._clock = SimulatedClock()
        self._ohm = {
            name: _actual_resistances(name, able, imperfections, seed)
            for name, able in capabilities.items()
            if isinstance(able, ProgrammerCapabilities)
        }
        self.world = World(
            graph,
            wiring,
            {channel: _source_stage(channel, capabilities, imperfections, seed) for channel in wiring.sources},
            self._power_up(graph, wiring, capabilities),
        )
        self._stage = Stage(self.world, self._clock, imperfections, seed)
        self._truth = SimulatedTruth(self.world, self._clock, tuple(inputs), tuple(outputs))

    @property
    def clock(self) -> SimulatedClock:
        return self._clock

    @property
    def truth(self) -> SimulatedTruth:
        return self._truth

    def connect(self, name: str, driver: DriverInfo, options: Any) -> Instrument:
        able = driver.capabilities(options)
        if isinstance(able, SourceCapabilities):
            return SimulatedSource(name, self._stage, able)
        if isinstance(able, DigitizerCapabilities):
            return SimulatedDigitizer(name, self._stage, able)
        return SimulatedProgrammer(name, self._stage, able, self._ohm[name])

    def close(self) -> None:
        """Nothing was started."""

    def _power_up(self, graph: Graph, wiring: BoardWiring, capabilities: dict[str, Capabilities]) -> Array:
        siemens = {}
        for channel, edge in wiring.edges.items():
            name, _, number = channel.partition("/")
            able = capabilities[name]
            assert isinstance(able, ProgrammerCapabilities)
            ohm = self._ohm[name][able.channels.index(number)]
            siemens[edge] = float(able.part.conductance(np.array(able.part.steps // 2), ohm))
        return np.array([siemens[edge.name] for edge in graph.edges])


class SimulatedTruth:
    """Keeps the Truth protocol: the answer of the solver for the board as it is at this moment."""

    def __init__(self, world: World, clock: SimulatedClock, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        self._world = world
        self._clock = clock
        self._inputs = inputs
        self._outputs = [world.graph.index(node) for node in outputs]

    @property
    def linear(self) -> bool:
        return not self._world.graph.diodes

    @property
    def acquisitions(self) -> int:
        return self._world.acquisitions

    def conductances(self) -> Array:
        return self._world.conductances(self._clock.now()).copy()

    def outputs(self, activation: Array) -> Array:
        _, voltages = self._world.static(dict(zip(self._inputs, activation, strict=True)), self._clock.now())
        return voltages[self._outputs]

    def gradient(self, activation: Array, loss_gradient: Callable[[Array], Array]) -> Array:
        solver, voltages = self._world.static(dict(zip(self._inputs, activation, strict=True)), self._clock.now())
        by_node = np.zeros(len(voltages))
        by_node[self._outputs] = loss_gradient(voltages[self._outputs])
        return solver.gradient(voltages, by_node)


def _actual_resistances(name: str, able: ProgrammerCapabilities, imperfections: Imperfections, seed: int) -> Array:
    """End-to-end resistance of every channel of a bank (Ω), uniform within the part's tolerance."""
    nominal = np.full(len(able.channels), able.part.end_to_end_ohm)
    if not imperfections.part_tolerance:
        return nominal
    draw = RandomStream(seed, f"programmer/{name}").at(0).uniform(-1.0, 1.0, len(nominal))
    return nominal * (1 + able.part.tolerance * draw)


def _source_stage(
    channel: str, capabilities: dict[str, Capabilities], imperfections: Imperfections, seed: int
) -> SourceStage:
    able = capabilities[channel.partition("/")[0]]
    assert isinstance(able, SourceCapabilities)
    gain = 1 + imperfections.source_amplitude * RandomStream(seed, f"source/{channel}").at(0).standard_normal()
    return SourceStage(float(gain), 2 * able.full_scale_v / 2**able.bits if imperfections.converters else 0.0)
