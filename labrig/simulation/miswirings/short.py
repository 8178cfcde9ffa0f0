"""Two nodes that are connected, or a node that is connected to ground."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any, Self

from labrig.network.physics import GROUND
from labrig.network.resistive.graph import Resistor
from labrig.simulation.miswirings.miswiring import Miswiring, Places, Wired

SHORT_OHM = 0.1


class Short(Miswiring):
    """A short circuit between two nodes, or from one node to ground."""

    key = "short"
    at = "sense"
    count = (1, 2)

    @classmethod
    def candidates(cls, places: Places) -> Iterator[Self]:
        """Yield a short circuit from every sensed node to ground and to every other sensed node."""
        nodes = [node for node in places.sensed if node != places.pilot]
        return (cls(*pair) for pair in (*((node,) for node in nodes), *combinations(nodes, 2)))

    def applied(self, board: Wired) -> Wired:
        """Add a small resistor."""
        network: Any = board.network
        a, b = (*self.names, GROUND)[:2]
        wire = Resistor(f"short {a} {b}", a, b, SHORT_OHM)
        return Wired(replace(network, resistors=(*network.resistors, wire)), board.wiring)

    def remedy(self, board: Wired) -> str:
        """Return where to look."""
        a, b = (*self.names, GROUND)[:2]
        return f"look for a short circuit between {a} and {b}: solder, a wire end, or two pins of one header"
