"""The simulated bench with the real drivers of some instruments, whose libraries a stand-in replaces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.assembly import Assembly
from labrig.assembly.benches import simulated
from labrig.clock import MonotonicClock

Array = NDArray[np.float64]


class RealDrivers:
    """A Bench: these drivers are real, all others are faces of the simulated bench. Time is real."""

    def __init__(self, assembly: Assembly, family: str) -> None:
        self._simulated = build(assembly)
        self._family = family
        self.clock = MonotonicClock()
        self.world = self._simulated.world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._simulated, name)

    def connect(self, name: str, driver: Any, options: Any) -> Any:
        real = driver.name.startswith(f"{self._family}.")
        return driver.factory(name, options) if real else self._simulated.connect(name, driver, options)

    def network(self, source: str, outputs: tuple[str, ...], digitizer: str, inputs: tuple[str, ...]) -> Callable:
        """Return the World as a function from voltages (n, outputs) at a source to those at the inputs (n, inputs)."""
        world, nodes = self.world, self.world.network.nodes
        driven = {f"{source}/{name}": column for column, name in enumerate(outputs)}
        sensed = {
            column: nodes.index(world.wiring.senses[f"{digitizer}/{name}"])
            for column, name in enumerate(inputs)
            if f"{digitizer}/{name}" in world.wiring.senses
        }

        def respond(volts: Array) -> Array:
            played = {label: volts[:, column] for label, column in driven.items() if label in world.wiring.sources}
            _, states = world.static(played, self._simulated.clock.now())
            read = np.zeros((len(volts), len(inputs)))
            read[:, list(sensed)] = states[:, list(sensed.values())]
            return read

        return respond


build = simulated.build
