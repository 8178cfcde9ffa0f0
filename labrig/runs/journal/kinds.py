"""How a journal stores values: one Kind per type.

Arrays are stored as little-endian float64, lists and maps as JSON. For an array that changes little from step to step,
only the changes are stored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from labrig.json_text import json_text

Array = NDArray[np.float64]
Steady = Annotated[Array, "steady"]
"""An array for which only the changes from row to row are stored."""
Rows = Annotated[Array, "rows"]
"""A two-dimensional array."""
State = Annotated[dict[str, Any], "state"]
"""A map of plain values, maps and float64 arrays."""


@dataclass(frozen=True)
class Kind:
    """How values of one type are stored.

    Parameters
    ----------
    sql
        Type of the column.
    encode, decode
        Convert a value to its stored form, and back. decode raises ValueError or TypeError for a form that labrig never
        writes.
    column
        Combines the decoded values of all rows into one array or tuple; None becomes NaN.
    changes
        Stored form of a value as changes from the value before it; None if values are stored whole.
    """

    sql: str
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    column: Callable[[Sequence[Any]], Any]
    changes: Callable[[Any, Any], bytes] | None = None


def _map(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(f"{text} is not a map")
    return value


def _integers(values: Sequence[int | None]) -> NDArray[Any]:
    if None in values:
        return _reals(values)
    return np.array(values, dtype=np.int64)


def _reals(values: Sequence[float | None]) -> Array:
    return np.array(values, dtype=float)


def _arrays(values: Sequence[Array | None]) -> Array:
    """Return the (S, E) rows as one array, NaN for None."""
    edges = next((len(value) for value in values if value is not None), 0)
    return np.array([np.full(edges, np.nan) if value is None else value for value in values])


def _whole(values: Array) -> bytes:
    return np.ascontiguousarray(values, dtype="<f8").tobytes()


def _rows(values: Array) -> bytes:
    """Encode the number of columns, then the rows one after the other."""
    return np.uint64(values.shape[1]).astype("<u8").tobytes() + _whole(values)


def _from_rows(blob: bytes) -> Array:
    columns = int(np.frombuffer(blob, dtype="<u8", count=1)[0])
    return np.frombuffer(blob, dtype="<f8", offset=8).reshape(-1, columns)


_CHANGE = np.dtype([("place", "<u4"), ("value", "<f8")])


def _changes(before: Array, now: Array) -> bytes:
    """Encode places and values of the entries that changed, or the whole array unless that takes more bytes."""
    changed = np.flatnonzero(before != now) if len(before) == len(now) else np.arange(len(now))
    if len(changed) * _CHANGE.itemsize >= 8 * len(now):
        return _whole(now)
    table = np.empty(len(changed), dtype=_CHANGE)
    table["place"], table["value"] = changed, now[changed]
    return table.tobytes()


def _patched(blobs: Sequence[bytes]) -> Array:
    """Return the (S, E) arrays of all rows. The first is stored whole; changes are always shorter than an array."""
    rows: list[Array] = []
    for blob in blobs:
        if not rows or len(blob) == 8 * len(rows[0]):
            rows.append(np.frombuffer(blob, dtype="<f8"))
            continue
        table, row = np.frombuffer(blob, dtype=_CHANGE), rows[-1].copy()
        row[table["place"]] = table["value"]
        rows.append(row)
    return np.array(rows)


def packed(state: Mapping[str, Any] | bytes) -> bytes:
    """Encode the length of a JSON text, the text with a placeholder for each array, and the arrays.

    A state that is encoded already is returned as it is.
    """
    if isinstance(state, bytes):
        return state
    arrays: list[bytes] = []

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: plain(each) for key, each in value.items()}
        if isinstance(value, np.ndarray):
            arrays.append(_whole(value))
            return {_ARRAY: list(value.shape)}
        return value

    text = json_text(plain(state)).encode()
    return b"".join((len(text).to_bytes(8, "little"), text, *arrays))


def _unpacked(blob: bytes) -> dict[str, Any]:
    offset = 8 + int.from_bytes(blob[:8], "little")

    def full(value: Any) -> Any:
        nonlocal offset
        if not isinstance(value, dict):
            return value
        if _ARRAY not in value:
            return {key: full(each) for key, each in value.items()}
        shape = value[_ARRAY]
        count = int(np.prod(shape, dtype=int))
        array = np.frombuffer(blob, dtype="<f8", count=count, offset=offset).reshape(shape).copy()
        offset += 8 * count
        return array

    return full(_map(blob[8:offset].decode()))


_ARRAY = "\0array"
"""Key of the placeholder of an array in a state; its value is the shape of the array."""

KINDS: Mapping[Any, Kind] = {
    int: Kind("INTEGER", int, int, _integers),
    float: Kind("REAL", float, float, _reals),
    str: Kind("TEXT", str, str, tuple),
    tuple[int, ...]: Kind("TEXT", json_text, lambda text: tuple(json.loads(text)), tuple),
    dict[str, float]: Kind("TEXT", json_text, _map, tuple),
    dict[str, Any]: Kind("TEXT", json_text, _map, tuple),
    Array: Kind("BLOB", _whole, lambda blob: np.frombuffer(blob, dtype="<f8"), _arrays),
    Rows: Kind("BLOB", _rows, _from_rows, tuple),
    Steady: Kind("BLOB", _whole, bytes, _patched, _changes),
    State: Kind("BLOB", packed, _unpacked, tuple),
}
"""How each field type is stored."""
