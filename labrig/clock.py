"""Clocks: what a bench reads its time from. Nothing sleeps on a simulated one."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since an arbitrary origin, never going back."""
        ...

    def sleep(self, duration_s: float) -> None:
        """Let `duration_s` pass."""
        ...


class MonotonicClock:
    """Real time."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, duration_s: float) -> None:
        time.sleep(max(0.0, duration_s))


class SimulatedClock:
    """Time that passes only when somebody says so."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def sleep(self, duration_s: float) -> None:
        self._now += max(0.0, duration_s)
