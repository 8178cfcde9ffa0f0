"""Lists the edges of a large board in few rows: one row for edges that fan out from a node to consecutive nodes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labrig.procedures.wiring_sheet import Connection

MOST_ROWS = 400
"""Largest number of edges that are listed one by one."""

_NUMBERED = re.compile(r"(.*?)(\d+)")

Row = tuple[str, str, str, str, str, str, str]


def edge_rows(edges: Sequence[Connection]) -> list[Row]:
    """Return rows of edge, from, to, instrument, part, channel and pins: one per edge, on a large board one per fan."""
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
    """Whether `other` continues the fan of `one`."""
    same = (one.node, one.instrument, one.model) == (other.node, other.instrument, other.model)
    return same and _next(one.to, other.to) and _next(one.channel, other.channel)


def _next(one: str, other: str) -> bool:
    """Whether the number in `other` is one higher than in `one`: hid3, hid4."""
    this, that = _NUMBERED.fullmatch(one), _NUMBERED.fullmatch(other)
    return bool(this and that and this[1] == that[1] and int(that[2]) == int(this[2]) + 1)
