"""Two sense leads that are exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Self

from labrig.simulation.miswirings.miswiring import Miswiring, Places, Wired, exchanged


class Swap(Miswiring):
    """The sense leads of two nodes are exchanged."""

    key = "swap"
    at = "sense"
    count = (2,)

    @classmethod
    def candidates(cls, places: Places) -> Iterator[Self]:
        """Yield this miswiring for every pair of sensed nodes."""
        return (cls(a, b) for a, b in combinations(places.sensed, 2))

    def applied(self, board: Wired) -> Wired:
        """Return the board with the sense channels of the two nodes exchanged."""
        a, b = map(board.sense_channel, self.names)
        return board.rewired(senses=exchanged(board.wiring.senses, a, b))

    def remedy(self, board: Wired) -> str:
        """Return which leads to exchange."""
        a, b = map(board.sense_channel, self.names)
        return f"exchange the leads to {a} and {b}: {a} belongs to {self.names[0]}, {b} to {self.names[1]}"
