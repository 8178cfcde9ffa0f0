"""A virtual one-board bench, as `drivers/firmware/README.md` specifies it."""

from labrig.virtual_instruments.one_board.board import VirtualOneBoard
from labrig.virtual_instruments.one_board.counterpart import boards

__all__ = ["VirtualOneBoard", "boards"]
