"""A programmable part whose size differs from the configured one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from labrig.simulation.miswirings.miswiring import Miswiring, Places, Wired

TRIED = (0.01, 0.1, 0.2, 0.5, 2.0, 5.0, 10.0, 100.0)


class WrongPart(Miswiring):
    """At every setting, the conductance of an edge is `value` times that of the configured part."""

    key = "wrong_part"
    at = "edge"
    takes = "number"

    @classmethod
    def candidates(cls, places: Places) -> Iterator[Self]:
        """Yield this miswiring for every edge, with parts of other common sizes."""
        return (cls(edge, value=factor) for edge in places.edges for factor in TRIED)

    def applied(self, board: Wired) -> Wired:
        """Scale the conductance that the channel sets."""
        assert self.value is not None
        (edge,), factors = self.names, board.wiring.per_siemens
        return board.rewired(per_siemens={**factors, edge: factors.get(edge, 1.0) * self.value})

    def remedy(self, board: Wired) -> str:
        """Return which part to check."""
        return (
            f"check the type of {board.edge_channel(self.names[0])}, the part of {self.names[0]}: it has "
            f"{self.value:.2g} times the conductance of the configured part"
        )
