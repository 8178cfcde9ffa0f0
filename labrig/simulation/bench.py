"""The simulated bench: one World, its imperfections drawn from a seed, and the faces of every instrument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.clock import SimulatedClock
from labrig.instruments.contracts import Instrument
from labrig.instruments.data import Identity
from labrig.instruments.drivers import Capabilities, DigitizerCapabilities, DriverInfo, SourceCapabilities
from labrig.network.physics import Network
from labrig.simulation.board import simulated_board
from labrig.simulation.faces import SimulatedContext, SimulatedDigitizer, SimulatedProgrammer, SimulatedSource
from labrig.simulation.faults import FaultSchedule, ScheduledFault
from labrig.simulation.imperfections import Imperfections
from labrig.simulation.truth import SimulatedTruth
from labrig.simulation.world import BoardWiring


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
        self._programmers: list[SimulatedProgrammer] = []
        self._context = SimulatedContext(self.world, self._clock, imperfections, seed)
        self._truth = SimulatedTruth(self.world, self._clock.now, tuple(inputs), tuple(outputs))

    @property
    def clock(self) -> SimulatedClock:
        """The clock of the bench, which no call waits for."""
        return self._clock

    @property
    def truth(self) -> SimulatedTruth:
        """What only the simulation knows."""
        return self._truth

    def true_outputs(self, activation: NDArray[np.float64], tone: bool) -> NDArray[np.float64]:
        """Exact outputs (M, O) for the inputs `activation` (M, I) of M examples (V)."""
        return self._truth.outputs_of_all(activation, tone)

    def pause(self) -> None:
        """Let no fault begin until `resume`."""
        self.world.faults.pause()

    def state(self) -> dict[str, Any]:
        """The clock, the count of acquisitions, and how far faults have come."""
        return {
            "clock_s": self._clock.now(),
            "acquisitions": self.world.acquisitions,
            "faults": self.world.faults.state(),
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on from a state: what is measured is the same as if the bench had never stopped."""
        if state:
            self._clock.resume(state["clock_s"])
            self.world.acquisitions = state["acquisitions"]
        self.world.faults.resume(state.get("faults", {}))
        for programmer in self._programmers:
            programmer.show_again()

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
        self._programmers.append(SimulatedProgrammer(name, self._context, able, self._parts[name]))
        return self._programmers[-1]

    def close(self) -> None:
        """Nothing was started."""
