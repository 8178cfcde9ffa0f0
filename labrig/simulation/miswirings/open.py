"""A sense lead that is not connected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from labrig.simulation.miswirings.miswiring import Miswiring, Places, Wired


class Open(Miswiring):
    """The sense lead of a node is open; its channel reads 0 V."""

    key = "open"
    at = "sense"

    @classmethod
    def candidates(cls, places: Places) -> Iterator[Self]:
        """Yield this miswiring for every sensed node."""
        return (cls(node) for node in places.sensed)

    def applied(self, board: Wired) -> Wired:
        """Disconnect the channel from its node."""
        lead = board.sense_channel(self.names[0])
        return board.rewired(senses={channel: at for channel, at in board.wiring.senses.items() if channel != lead})

    def remedy(self, board: Wired) -> str:
        """Return which lead to connect."""
        return f"connect {board.sense_channel(self.names[0])} to {self.names[0]}: the lead may be broken or unplugged"
