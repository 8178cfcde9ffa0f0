"""The bench of real instruments: drivers as they are, real time, nobody who knows the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labrig.clock import MonotonicClock
from labrig.errors import ConfigError
from labrig.instruments.contracts import Instrument
from labrig.instruments.drivers import DriverInfo

if TYPE_CHECKING:
    from labrig.assembly.assemble import Assembly


def build(assembly: Assembly) -> HardwareBench:
    return HardwareBench()


class HardwareBench:
    """Keeps the Bench protocol."""

    truth = None

    def __init__(self) -> None:
        self.clock = MonotonicClock()

    def connect(self, name: str, driver: DriverInfo, options: Any) -> Instrument:
        """The driver's instrument. Raises ConfigError for a generic model, which no hardware answers to."""
        if driver.factory is None:
            raise ConfigError(
                f"{driver.name} is no real instrument",
                device=name,
                remedy="name a driver of an instrument you have (labrig drivers), or write 'bench: simulated'",
            )
        return driver.factory(name, options)

    def close(self) -> None:
        """Nothing was started."""
