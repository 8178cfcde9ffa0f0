"""A sense lead with its two wires exchanged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from labrig.simulation.miswirings.miswiring import Miswiring, Places, Wired


class Inverted(Miswiring):
    """The sense lead of a node is inverted."""

    key = "inverted"
    at = "sense"

    @classmethod
    def candidates(cls, places: Places) -> Iterator[Self]:
        """Yield this miswiring for every sensed node."""
        return (cls(node) for node in places.sensed)

    def applied(self, board: Wired) -> Wired:
        """Change the sign of the channel's readings."""
        lead, sensors = board.sense_channel(self.names[0]), board.wiring.sensors
        return board.rewired(sensors={**sensors, lead: -sensors.get(lead, 1.0)})

    def remedy(self, board: Wired) -> str:
        """Return which wires to exchange."""
        return f"exchange + and − of {board.sense_channel(self.names[0])}, at {self.names[0]}"
