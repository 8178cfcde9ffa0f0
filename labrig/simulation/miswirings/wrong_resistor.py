"""A series resistor whose value differs from the configured one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from labrig.quantities import format_quantity
from labrig.simulation.miswirings.dead import behind
from labrig.simulation.miswirings.miswiring import Miswiring, Places, Wired

TRIED_OHM = tuple(10 ** (0.5 * k) for k in range(2, 14))


class WrongResistor(Miswiring):
    """The resistance between a source and its node is `value` (Ω) instead of the configured one."""

    key = "wrong_resistor"
    at = "drive"
    takes = "resistance"

    @classmethod
    def candidates(cls, places: Places) -> Iterator[Self]:
        """Yield this miswiring for every driven node, with two values per decade from 10 Ω to 3 MΩ."""
        return (cls(node, value=ohm) for node in (*places.inputs, *places.outputs) for ohm in TRIED_OHM)

    def applied(self, board: Wired) -> Wired:
        """Replace the resistance."""
        assert self.value is not None
        return behind(board, self.names[0], self.value)

    def remedy(self, board: Wired) -> str:
        """Return which resistor to check."""
        channel = board.drive_channel(self.names[0])
        assert self.value is not None
        ohm = format_quantity(float(f"{self.value:.2g}"), "resistance")
        return f"check the series resistor between {channel} and {self.names[0]}: it looks like {ohm}"
