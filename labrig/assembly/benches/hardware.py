"""The bench of real instruments: real drivers, real time, no simulated truth, and a watchdog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labrig.clock import MonotonicClock
from labrig.errors import ConfigError
from labrig.instruments.drivers import DriverInfo
from labrig.instruments.reservation import Reserved, record_of
from labrig.watchdog.watchdog import Watchdog

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly


RECOVERY_S = 15.0
"""Longest time a driver may take to restore its instrument within a step (s)."""


def build(assembly: Assembly) -> HardwareBench:
    """Build the bench, with a watchdog that allows for the slowest step unless somebody is watching."""
    if assembly.attended:
        return HardwareBench()
    longest_s = max(assembly.limits.step_s, assembly.acquisition_timing.plan.duration_s)
    return HardwareBench(RECOVERY_S + 2 * longest_s)


class HardwareBench:
    """Connects real instruments (a Bench).

    Parameters
    ----------
    silence_s : float, optional
        How long the program may take between two acquisitions before the watchdog makes everything safe (s). None: as
        long as it likes.
    """

    truth = None

    def __init__(self, silence_s: float | None = None) -> None:
        self.clock = MonotonicClock()
        self.watchdog = Watchdog(silence_s)

    def connect(self, name: str, driver: DriverInfo, options: Any) -> Any:
        """Create the driver's instrument, reserved and guarded while it is open; ConfigError for a generic model."""
        if driver.factory is None:
            raise ConfigError(
                f"{driver.name} is not a real instrument",
                device=name,
                remedy="choose the driver of your instrument (labrig drivers lists them), or use 'bench: simulated'",
            )
        return Reserved(record_of(name, driver, options), driver.factory(name, options), self.watchdog)

    def true_outputs(self, activation: NDArray[np.float64], tone: bool) -> None:
        """Return None: nobody knows the truth."""

    def pause(self) -> None:
        """Nothing happens on its own."""

    def state(self) -> dict[str, Any]:
        """Return nothing: the instruments keep their state."""
        return {}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Do nothing: the board is as it was left."""

    def close(self) -> None:
        """Let the watchdog end."""
        self.watchdog.close()
