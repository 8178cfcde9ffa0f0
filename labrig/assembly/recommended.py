"""Rounds the values that error messages recommend to one or two digits."""

from __future__ import annotations

import math


def rounded_up(value: float) -> float:
    """Round a value up to one significant digit."""
    unit = 10.0 ** math.floor(math.log10(value))
    return math.ceil(value / unit) * unit


def rounded_down(value: float, digits: int = 2) -> float:
    """Round a value down to this many significant digits."""
    unit = 10.0 ** (math.floor(math.log10(value)) + 1 - digits)
    return math.floor(value / unit * (1 + 1e-12)) * unit
