"""The bench of real instruments: real drivers, real time, and no simulated truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labrig.clock import MonotonicClock
from labrig.errors import ConfigError
from labrig.instruments.drivers import DriverInfo
from labrig.instruments.reservation import Reserved

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly


def build(assembly: Assembly) -> HardwareBench:
    """Build the bench; it needs nothing from the assembly."""
    return HardwareBench()


class HardwareBench:
    """Connects real instruments (a Bench)."""

    truth = None

    def __init__(self) -> None:
        self.clock = MonotonicClock()

    def connect(self, name: str, driver: DriverInfo, options: Any) -> Any:
        """Create the driver's instrument, reserved while it is open; ConfigError for a generic model."""
        if driver.factory is None:
            raise ConfigError(
                f"{driver.name} is not a real instrument",
                device=name,
                remedy="choose the driver of your instrument (labrig drivers lists them), or use 'bench: simulated'",
            )
        address = driver.capabilities(options).address or name
        return Reserved(name, driver.name, address, driver.factory(name, options))

    def true_outputs(self, activation: NDArray[np.float64], tone: bool) -> None:
        """Return None: nobody knows the truth."""

    def pause(self) -> None:
        """Nothing happens on its own."""

    def state(self) -> dict[str, Any]:
        """Return nothing: the instruments keep their state."""
        return {}

    def resume(self, state: Mapping[str, Any]) -> bool:
        """Return False: what the board holds has to be read back."""
        return False

    def close(self) -> None:
        """Do nothing: the bench starts nothing."""
