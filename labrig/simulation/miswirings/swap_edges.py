"""Two programmable parts that are exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Self

from labrig.simulation.miswirings.miswiring import Miswiring, Places, Wired, exchanged


class SwapEdges(Miswiring):
    """The programmer channels of two edges are exchanged."""

    key = "swap_edges"
    at = "edge"
    count = (2,)

    @classmethod
    def candidates(cls, places: Places) -> Iterator[Self]:
        """Yield this miswiring for every pair of edges."""
        return (cls(a, b) for a, b in combinations(places.edges, 2))

    def applied(self, board: Wired) -> Wired:
        """Exchange the edges of the two programmer channels."""
        a, b = map(board.edge_channel, self.names)
        return board.rewired(edges=exchanged(board.wiring.edges, a, b))

    def remedy(self, board: Wired) -> str:
        """Return which wires to exchange."""
        a, b = map(board.edge_channel, self.names)
        return f"exchange the wires of {a} and {b}: {a} belongs to {self.names[0]}, {b} to {self.names[1]}"
