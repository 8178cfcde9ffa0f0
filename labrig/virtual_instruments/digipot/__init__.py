"""Virtual banks of digital potentiometers with labrig's firmware."""

from __future__ import annotations

from labrig.virtual_instruments.digipot.board import VirtualDigipotBoard
from labrig.virtual_instruments.digipot.counterpart import OPEN_TERMINALS_S, banks

__all__ = ["OPEN_TERMINALS_S", "VirtualDigipotBoard", "banks"]
