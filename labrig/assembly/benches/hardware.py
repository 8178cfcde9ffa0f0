"""The bench of real instruments: drivers as they are, real time, nobody who knows the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labrig.clock import MonotonicClock
from labrig.errors import ConfigError
from labrig.instruments.drivers import DriverInfo
from labrig.instruments.reservation import Reserved

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly


def build(assembly: Assembly) -> HardwareBench:
    return HardwareBench()


class HardwareBench:
    """Keeps the Bench protocol."""

    truth = None

    def __init__(self) -> None:
        self.clock = MonotonicClock()

    def connect(self, name: str, driver: DriverInfo, options: Any) -> Any:
        """The driver's instrument, reserved while it is open. Raises ConfigError for a generic model, which no hardware
        answers to."""
        if driver.factory is None:
            raise ConfigError(
                f"{driver.name} is no real instrument",
                device=name,
                remedy="name a driver of an instrument you have (labrig drivers), or write 'bench: simulated'",
            )
        address = driver.capabilities(options).address or name
        return Reserved(name, f"{driver.name} {address}", driver.factory(name, options))

    def close(self) -> None:
        """Nothing was started."""
