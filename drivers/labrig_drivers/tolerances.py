"""Errors as data sheets state them, as standard uncertainties."""

from __future__ import annotations

import math


def standard_uncertainty(largest: float) -> float:
    """Return the standard uncertainty of an error up to `largest`, if all errors within it are equally likely."""
    return largest / math.sqrt(3.0)
