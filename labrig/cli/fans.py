"""Edges of a large board in few rows: those that fan out from one node to numbered nodes, on numbered channels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labrig.procedures.wiring_sheet import Connection

MOST_ROWS = 400
"""Edges that are listed one by one."""

_NUMBERED = re.compile(r"(.*?)(\d+)")

Row = tuple[str, str, str, str, str, str, str]


def edge_rows(edges: Sequence[Connection]) -> list[Row]:
    """Return edge, from, to, instrument, part, channel and pins of every edge, or of every fan on a large board."""
    if len(edges) <= MOST_ROWS:
        return [_row(edge, edge) for edge in edges]
    starts = [0, *(k for k, pair in enumerate(pairwise(edges), 1) if not _adjoin(*pair)), len(edges)]
    return [_row(edges[first], edges[after - 1]) for first, after in pairwise(starts)]


def _row(first: Connection, last: Connection) -> Row:
    def span(name: str) -> str:
        low, high = getattr(first, name), getattr(last, name)
        return low if low == high else f"{low}..{high}"

    return span("edge"), first.node, span("to"), first.instrument, first.model, span("channel"), span("pin")


def _adjoin(one: Connection, other: Connection) -> bool:
    """Whether the other edge continues the fan of this one."""
    same = (one.node, one.instrument, one.model) == (other.node, other.instrument, other.model)
    return same and _next(one.to, other.to) and _next(one.channel, other.channel)


def _next(one: str, other: str) -> bool:
    """Whether the names count up by one: hid3, hid4."""
    this, that = _NUMBERED.fullmatch(one), _NUMBERED.fullmatch(other)
    return bool(this and that and this[1] == that[1] and int(that[2]) == int(this[2]) + 1)
