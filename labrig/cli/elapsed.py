"""How long this process has run."""

from __future__ import annotations

import time

_BEGAN = time.monotonic()


def wall_s() -> float:
    """Seconds since the command line was imported, which is as near to the user's key as Python gets."""
    return time.monotonic() - _BEGAN
