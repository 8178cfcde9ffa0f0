"""Virtual banks of digital potentiometers with labrig's firmware."""

from __future__ import annotations

from labrig.virtual_instruments.digipot.board import VirtualDigipotBoard
from labrig.virtual_instruments.digipot.counterpart import banks
from labrig.virtual_instruments.digipot.rheostats import OPEN_TERMINALS_S

__all__ = ["OPEN_TERMINALS_S", "VirtualDigipotBoard", "banks"]
