"""The clocks of the benches. Sleeping on a simulated clock takes no real time."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """The clock of a bench."""

    def now(self) -> float:
        """Return the time since an arbitrary origin (s); it never decreases."""
        ...

    def sleep(self, duration_s: float) -> None:
        """Wait for `duration_s` (s)."""
        ...


class MonotonicClock:
    """Real time."""

    def now(self) -> float:
        """Return the monotonic time of the system (s)."""
        return time.monotonic()

    def sleep(self, duration_s: float) -> None:
        """Sleep for `duration_s` (s)."""
        time.sleep(max(0.0, duration_s))


class SimulatedClock:
    """Time that passes only in `sleep`."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """Return the simulated time (s), 0 at the start."""
        return self._now

    def sleep(self, duration_s: float) -> None:
        """Advance the time by `duration_s` (s)."""
        self._now += max(0.0, duration_s)

    def resume(self, now_s: float) -> None:
        """Continue from this time (s)."""
        self._now = now_s
