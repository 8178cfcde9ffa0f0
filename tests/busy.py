"""Limits of time: as stated while the tests have the cores to themselves, longer on a machine that is overloaded."""

import os


def stretched(seconds: float) -> float:
    """Return a limit, longer if more than two processes share a core."""
    if not hasattr(os, "getloadavg"):
        return seconds
    return seconds * max(1.0, os.getloadavg()[0] / (2 * (os.cpu_count() or 1)))
