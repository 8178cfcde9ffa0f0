"""The simulated bench: one World, its imperfections drawn from a seed, and a face for every instrument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.clock import SimulatedClock
from labrig.instruments.contracts import Instrument
from labrig.instruments.data import Identity
from labrig.instruments.drivers import Capabilities, DigitizerCapabilities, DriverInfo, SourceCapabilities
from labrig.instruments.pulse_programmer import PulseProgrammerCapabilities
from labrig.network.physics import Network
from labrig.simulation.board import simulated_board
from labrig.simulation.faces import (
    SimulatedContext,
    SimulatedDigitizer,
    SimulatedProgrammer,
    SimulatedPulseProgrammer,
    SimulatedSource,
)
from labrig.simulation.faces.face import Face
from labrig.simulation.faults import FaultSchedule, ScheduledFault
from labrig.simulation.imperfections import Imperfections
from labrig.simulation.truth import SimulatedTruth
from labrig.simulation.world import BoardWiring


class SimulatedBench:
    """A simulated bench (see the Bench protocol).

    Parameters
    ----------
    network : Network
        The board, with the edges in the order of the rig.
    wiring : BoardWiring
        The channels at nodes and edges.
    capabilities : dict
        Capabilities of every instrument, by name.
    imperfections : Imperfections
        The imperfections of the bench.
    seed : int
        Seed of the random phase at which tones start.
    inputs, outputs : sequence of str
        Source channels ("awg/0") of the inputs, and nodes of the outputs. They are used only by `truth`.
    faults : sequence of ScheduledFault
        The faults and the times at which they begin.
    compensated : mapping
        Gains and offsets that a calibration record compensates, as in `SimulatedTruth`.
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
        compensated: Mapping[str, tuple[float, float]] = MappingProxyType({}),
    ) -> None:
        self._clock = SimulatedClock()
        board = simulated_board(network, wiring, capabilities, imperfections, seed)
        self.world = board.world
        self.world.faults = FaultSchedule(faults, self._clock.now)
        self._parts = board.parts
        self._programmers: list[SimulatedProgrammer] = []
        self._context = SimulatedContext(self.world, self._clock, imperfections, seed)
        self._truth = SimulatedTruth(self.world, self._clock.now, tuple(inputs), tuple(outputs), compensated)

    @property
    def clock(self) -> SimulatedClock:
        """The simulated clock of the bench, on which waiting takes no real time."""
        return self._clock

    @property
    def truth(self) -> SimulatedTruth:
        """The exact state of the board, which only the simulation knows."""
        return self._truth

    def true_outputs(self, activation: NDArray[np.float64], tone: bool) -> NDArray[np.float64]:
        """Return the exact outputs (M, O) for the inputs `activation` (M, I) of M examples (V)."""
        return self._truth.outputs_of_all(activation, tone)

    def pause(self) -> None:
        """Prevent all faults from beginning until `resume`."""
        self.world.faults.pause()

    def state(self) -> dict[str, Any]:
        """Return the clock, the number of acquisitions, and the progress of faults."""
        return {
            "clock_s": self._clock.now(),
            "acquisitions": self.world.acquisitions,
            "faults": self.world.faults.state(),
            **({"cells": self.world.cells.state()} if len(self.world.cells) else {}),
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Continue from a state; measurements are the same as if the bench had never stopped.

        `failed` in the state is that of the faults when an error stopped the run, if one did.
        """
        if "clock_s" in state:
            self._clock.resume(state["clock_s"])
            self.world.acquisitions = state["acquisitions"]
        self.world.faults.resume(state.get("faults", {}), state.get("failed"))
        self.world.cells.resume(self._clock.now(), state.get("cells", {}))
        for programmer in self._programmers:
            programmer.show_again()

    def connect(self, name: str, driver: DriverInfo, options: Any) -> Instrument:
        """Return the unopened face of an instrument."""
        face: Any = self._face(name, driver.capabilities(options))
        face.identity = Identity(options.model or face.identity.model, options.serial or face.identity.serial)
        return face

    def _face(self, name: str, able: Capabilities) -> Face:
        if isinstance(able, SourceCapabilities):
            return SimulatedSource(name, self._context, able)
        if isinstance(able, DigitizerCapabilities):
            return SimulatedDigitizer(name, self._context, able)
        if isinstance(able, PulseProgrammerCapabilities):
            return SimulatedPulseProgrammer(name, self._context, able)
        self._programmers.append(SimulatedProgrammer(name, self._context, able, self._parts[name]))
        return self._programmers[-1]

    def close(self) -> None:
        """Do nothing: nothing was started."""
