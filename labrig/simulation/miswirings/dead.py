"""A source channel that does not reach its node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Self

from labrig.simulation.miswirings.miswiring import Miswiring, Places, Wired

OPEN_OHM = 1e9


class Dead(Miswiring):
    """The drive lead of a node is open, or its source channel is dead."""

    key = "dead"
    at = "drive"

    @classmethod
    def candidates(cls, places: Places) -> Iterator[Self]:
        """Yield this miswiring for every driven node."""
        return (cls(node) for node in (*places.inputs, *places.outputs))

    def applied(self, board: Wired) -> Wired:
        """Put a very large resistance between source and node."""
        return behind(board, self.names[0], OPEN_OHM)

    def remedy(self, board: Wired) -> str:
        """Return which lead to check."""
        channel = board.drive_channel(self.names[0])
        return f"check the lead from {channel} to {self.names[0]}, its series resistor, and whether {channel} plays"


def behind(board: Wired, node: str, ohm: float) -> Wired:
    """Return the board with a resistance (Ω) that replaces the one between a node and its source."""
    network: Any = board.network
    sources = [replace(each, ohm=ohm) if each.node == node else each for each in network.sources]
    return Wired(replace(network, sources=tuple(sources)), board.wiring)
