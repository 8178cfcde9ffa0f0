"""The board as it should be wired, and the possible miswirings, which a self-test compares with the readings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrig.assembly.benches.simulated import board_wiring
from labrig.assembly.sections.miswired import places
from labrig.simulation.section import MISWIRINGS, Miswiring, Places, Wired

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly

__all__ = ["MISWIRINGS", "Miswiring", "Places", "Wired", "configured", "places"]


def configured(assembly: Assembly) -> Wired:
    """Return the board as configured, without the miswirings of `simulation.miswired`."""
    return Wired(assembly.board.network, board_wiring(assembly))
