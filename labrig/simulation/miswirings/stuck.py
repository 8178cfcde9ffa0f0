"""A programmable part that does not follow its settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from labrig.simulation.miswirings.miswiring import Miswiring, Places, Wired


class Stuck(Miswiring):
    """The conductance of an edge stays at its power-up value, although the part reads back what was written."""

    key = "stuck"
    at = "edge"

    @classmethod
    def candidates(cls, places: Places) -> Iterator[Self]:
        """Yield this miswiring for every edge."""
        return (cls(edge) for edge in places.edges)

    def applied(self, board: Wired) -> Wired:
        """Make the World ignore everything that is written to this edge."""
        return board.rewired(stuck=board.wiring.stuck | {self.names[0]})

    def remedy(self, board: Wired) -> str:
        """Return which part to check."""
        return f"check whether the wiper of {board.edge_channel(self.names[0])}, the part of {self.names[0]}, moves"
