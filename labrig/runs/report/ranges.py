"""Merges the rows of numbered nodes: `wiring.in0.drive`, `wiring.in1.drive` … as `wiring.in0..in63.drive`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

Row = tuple[str, str, str]

_NODE = re.compile(r"(?<=\.)([^.\[\]0-9]+)([0-9]+)(?=\.|$)")
_LAST = re.compile(r"^(.*?/)([0-9]+)$")


class _Shape(NamedTuple):
    """What all rows of a range have in common."""

    before: str
    node: str
    after: str
    value: str
    """The value without its channel number, such as `awg/`, if it has one."""
    apart: int | None
    """Channel number minus node number; None if the value has no channel number."""
    origin: str


def merged(rows: Sequence[Row]) -> list[Row]:
    """Merge the rows (key, value, origin) of consecutive nodes that differ in their number alone.

    Values are the same for all nodes, or channels of one instrument that are numbered like the nodes. A range stands
    in the place of its first row.
    """
    ranges: dict[tuple[_Shape, int], list[int]] = {}  # by shape and last number
    order: list[Row | list[int]] = []
    shapes: dict[int, _Shape] = {}
    for row in rows:
        shape, number = _shape(row)
        if shape is None:
            order.append(row)
            continue
        numbers = ranges.pop((shape, number - 1), None)
        if numbers is None:
            numbers = []
            order.append(numbers)
            shapes[id(numbers)] = shape
        numbers.append(number)
        ranges[shape, number] = numbers
    return [_row(shapes[id(each)], each) if isinstance(each, list) else each for each in order]


def _shape(row: Row) -> tuple[_Shape | None, int]:
    key, value, origin = row
    found = _NODE.search(key)
    if found is None:
        return None, 0
    number, channel = int(found[2]), _LAST.match(value)
    kind, apart = (value, None) if channel is None else (channel[1], int(channel[2]) - number)
    return _Shape(key[: found.start()], found[1], key[found.end() :], kind, apart, origin), number


def _row(shape: _Shape, numbers: Sequence[int]) -> Row:
    first, last = numbers[0], numbers[-1]
    nodes = f"{shape.node}{first}" if first == last else f"{shape.node}{first}..{shape.node}{last}"
    value = shape.value
    if shape.apart is not None:
        value += str(first + shape.apart) if first == last else f"{first + shape.apart}..{last + shape.apart}"
    return f"{shape.before}{nodes}{shape.after}", value, shape.origin
