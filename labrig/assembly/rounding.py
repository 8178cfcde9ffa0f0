"""Values that a message recommends."""

from __future__ import annotations

import math


def rounded_up(value: float) -> float:
    """The value, rounded up to one digit."""
    unit = 10.0 ** math.floor(math.log10(value))
    return math.ceil(value / unit) * unit
