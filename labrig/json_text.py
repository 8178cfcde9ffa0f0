"""Writes standard JSON, which has no Infinity and no NaN: both become null."""

from __future__ import annotations

import json
import math
from typing import Any

_PLAIN = json.JSONEncoder(allow_nan=False)  # made once: the journal writes several texts per step


def json_text(value: Any, **layout: Any) -> str:
    """Return `value` as JSON; `layout` takes the keyword arguments of json.dumps."""
    try:
        return json.dumps(value, allow_nan=False, **layout) if layout else _PLAIN.encode(value)
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False, **layout)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
