"""Numbers and the error queue of instruments that follow SCPI."""

from __future__ import annotations

import math
import re

from labrig_drivers.visa import VisaSession

INFINITE = 9.9e37
"""The reply for an infinite number, such as the load of an open output."""

_ERROR = re.compile(r'([+-]?\d+),"?([^"]*)"?')
_LONGEST_QUEUE = 32


def number(value: float) -> str:
    """Return a number in the format of commands."""
    return f"{value + 0.0:.12g}"


def as_number(text: str) -> float | None:
    """Return the number in a reply; None if the reply is not a number."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def queued_errors(session: VisaSession, action: str) -> list[str]:
    """Read the error queue until it is empty; errors are returned as number and text."""
    told: list[str] = []
    for _ in range(_LONGEST_QUEUE):
        match = _ERROR.match(session.query(":SYST:ERR?", action))
        if match is None or int(match[1]) == 0:
            break
        told.append(f"{match[1]} {match[2]}")
    return told
