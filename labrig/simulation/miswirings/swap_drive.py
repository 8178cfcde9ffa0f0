"""Two drive leads that are exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Self

from labrig.simulation.miswirings.miswiring import Miswiring, Places, Wired, exchanged


class SwapDrive(Miswiring):
    """The source channels of two nodes are exchanged; the series resistors stay at the nodes."""

    key = "swap_drive"
    at = "drive"
    count = (2,)

    @classmethod
    def candidates(cls, places: Places) -> Iterator[Self]:
        """Yield this miswiring for every pair of driven nodes."""
        return (cls(a, b) for a, b in combinations((*places.inputs, *places.outputs), 2))

    def applied(self, board: Wired) -> Wired:
        """Exchange the nodes of the two source channels."""
        a, b = map(board.drive_channel, self.names)
        return board.rewired(sources=exchanged(board.wiring.sources, a, b))

    def remedy(self, board: Wired) -> str:
        """Return which leads to exchange."""
        a, b = map(board.drive_channel, self.names)
        return f"exchange the leads from {a} and {b}: {a} belongs to {self.names[0]}, {b} to {self.names[1]}"
