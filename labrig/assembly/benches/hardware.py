"""The bench of real instruments: real drivers, real time, unknown true outputs, and a watchdog."""

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
    """Build the bench; unless the rig is attended, its watchdog has a time limit that allows for the slowest step."""
    if assembly.attended:
        return HardwareBench()
    longest_s = max(assembly.limits.step_s, assembly.acquisition_timing.plan.duration_s)
    return HardwareBench(RECOVERY_S + 2 * longest_s)


class HardwareBench:
    """Connects real instruments (a Bench).

    Parameters
    ----------
    silence_s : float, optional
        Longest time between two acquisitions before the watchdog makes everything safe (s); None for no limit.
    """

    truth = None

    def __init__(self, silence_s: float | None = None) -> None:
        self.clock = MonotonicClock()
        self.watchdog = Watchdog(silence_s)

    def connect(self, name: str, driver: DriverInfo, options: Any) -> Any:
        """Return the driver's instrument, reserved and watched while it is open; ConfigError for a generic driver."""
        if driver.factory is None:
            raise ConfigError(
                f"{driver.name} is not a real instrument",
                device=name,
                remedy="choose the driver of your instrument (labrig drivers lists them), or use 'bench: simulated'",
            )
        return Reserved(record_of(name, driver, options), driver.factory(name, options), self.watchdog)

    def true_outputs(self, activation: NDArray[np.float64], tone: bool) -> None:
        """Return None: the true outputs of a real board are unknown."""

    def pause(self) -> None:
        """Do nothing: real instruments are not paused."""

    def state(self) -> dict[str, Any]:
        """Return an empty state: the instruments keep their own."""
        return {}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Do nothing: the board kept its state."""

    def close(self) -> None:
        """End the watchdog."""
        self.watchdog.close()
