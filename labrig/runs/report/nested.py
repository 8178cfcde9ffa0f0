"""Nested maps as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def rows_of(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted key and value of every leaf; lists become text, and leaves without a value are left out."""
    for key, value in values.items():
        name = f"{above}.{key}" if above else str(key)
        if isinstance(value, Mapping):
            yield from rows_of(value, name)
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            yield from rows_of({str(place): item for place, item in enumerate(value)}, name)
        elif value is not None and value != []:
            yield name, ", ".join(map(_short, value)) if isinstance(value, list) else value


def _short(value: Any) -> str:
    return format(value, ".6g") if isinstance(value, float) else str(value)
