"""Elapsed time of this process."""

from __future__ import annotations

import time

_BEGAN = time.monotonic()


def wall_s() -> float:
    """Return the time since the command line was imported (s)."""
    return time.monotonic() - _BEGAN
