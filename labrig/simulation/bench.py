"""The simulated bench: one World, its imperfections drawn from a seed, and the faces of every instrument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.clock import SimulatedClock
from labrig.instruments.contracts import Instrument
from labrig.instruments.data import Identity
from labrig.instruments.drivers import Capabilities, DigitizerCapabilities, DriverInfo, SourceCapabilities
from labrig.network.physics import Equilibrium, Network
from labrig.simulation.board import simulated_board
from labrig.simulation.faces import SimulatedContext, SimulatedDigitizer, SimulatedProgrammer, SimulatedSource
from labrig.simulation.faults import FaultSchedule, ScheduledFault
from labrig.simulation.imperfections import Imperfections
from labrig.simulation.world import BoardWiring, World

Array = NDArray[np.float64]

PERIOD_SAMPLES = 256
"""Samples of one period of the activation in the exact gradient: enough for harmonics far beyond those of a diode."""

_COSINE = np.cos(2 * np.pi * np.arange(PERIOD_SAMPLES) / PERIOD_SAMPLES)


class SimulatedBench:
    """Keeps the Bench protocol.

    network: the board, edges in the order the rig numbers them. capabilities: of every instrument, by name.
    inputs: source channels ("awg/0") of the activation. outputs: nodes. Both only give `truth` its axes.
    seed: of the phase that tones start with. faults: what is to go wrong, and when.
    """

    def __init__(
        self,
        network: Network,
        wiring: BoardWiring,
        capabilities: dict[str, Capabilities],
        imperfections: Imperfections,
        seed: int,
        inputs: Sequence[str],
        outputs: Sequence[str],
        faults: Sequence[ScheduledFault] = (),
    ) -> None:
        self._clock = SimulatedClock()
        board = simulated_board(network, wiring, capabilities, imperfections)
        self.world = board.world
        self.world.faults = FaultSchedule(faults, self._clock.now)
        self._parts = board.parts
        self._context = SimulatedContext(self.world, self._clock, imperfections, seed)
        self._truth = SimulatedTruth(self.world, self._clock, tuple(inputs), tuple(outputs))

    @property
    def clock(self) -> SimulatedClock:
        """The clock of the bench, which no call waits for."""
        return self._clock

    @property
    def truth(self) -> SimulatedTruth:
        """What only the simulation knows."""
        return self._truth

    def connect(self, name: str, driver: DriverInfo, options: Any) -> Instrument:
        """The face of an instrument, not yet open."""
        face = self._face(name, driver.capabilities(options))
        face.identity = Identity(options.model or face.identity.model, options.serial or face.identity.serial)
        return face

    def _face(self, name: str, able: Capabilities) -> SimulatedSource | SimulatedDigitizer | SimulatedProgrammer:
        if isinstance(able, SourceCapabilities):
            return SimulatedSource(name, self._context, able)
        if isinstance(able, DigitizerCapabilities):
            return SimulatedDigitizer(name, self._context, able)
        return SimulatedProgrammer(name, self._context, able, self._parts[name])

    def close(self) -> None:
        """Nothing was started."""


class SimulatedTruth:
    """Keeps the Truth protocol: the solver's answer for the present state of the board."""

    def __init__(self, world: World, clock: SimulatedClock, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        self._world = world
        self._clock = clock
        self._inputs = inputs
        self._outputs = [world.network.nodes.index(node) for node in outputs]

    @property
    def linear(self) -> bool:
        """Whether superposition holds."""
        return self._world.network.linear

    @property
    def acquisitions(self) -> int:
        """Acquisitions so far, of every digitizer."""
        return self._world.acquisitions

    def conductances(self) -> Array:
        """(E,) actual conductances now (S)."""
        return self._world.conductances(self._clock.now()).copy()

    def outputs(self, activation: Array, tone: bool = False) -> Array:
        """(O,) output voltages, or amplitudes at the tone, for input voltages or amplitudes `activation` (I,) (V)."""
        _, voltages = self._period(activation, tone)
        return self._reference(tone) @ voltages[:, self._outputs]

    def gradient(self, activation: Array, loss_gradient: Callable[[Array], Array], tone: bool = False) -> Array:
        """(E,) exact ∂C/∂θ for the inputs `activation` (I,), from ∂C/∂v_o of the outputs (O,).

        With a tone, V_o = (2/T) ∫ v_o cos ωt dt is the amplitude of an output, so that ∂C/∂θ is the mean over the
        period of the adjoint's answers to 2 cos ωt · ∂C/∂V_o, each at the state of its moment. This holds for a
        network without memory: a board whose nodes follow their sources at once.
        """
        solver, voltages = self._period(activation, tone)
        weights = self._reference(tone)
        by_output = loss_gradient(weights @ voltages[:, self._outputs])
        if not tone:
            by_node = np.zeros(voltages.shape[1])
            by_node[self._outputs] = by_output
            return solver.gradient(voltages[0], by_node)
        by_node = np.zeros(voltages.shape)
        by_node[:, self._outputs] = np.outer(weights, by_output)
        return solver.gradient(voltages, by_node).sum(axis=0)

    def _period(self, activation: Array, tone: bool) -> tuple[Equilibrium, Array]:
        """The solver and all node voltages (T, N) over one period of the tone; T is 1 for constant inputs."""
        played = np.outer(_COSINE if tone else np.ones(1), activation)
        return self._world.static(dict(zip(self._inputs, played.T, strict=True)), self._clock.now())

    @staticmethod
    def _reference(tone: bool) -> Array:
        """(T,) weights of the samples of a period in what the loss is a function of."""
        return 2.0 / PERIOD_SAMPLES * _COSINE if tone else np.ones(1)
