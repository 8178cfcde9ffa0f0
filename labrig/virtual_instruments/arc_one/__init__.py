"""A virtual ArC ONE with its relay."""

from labrig.virtual_instruments.arc_one.board import VirtualArcOne, VirtualRelay
from labrig.virtual_instruments.arc_one.counterpart import programmers

__all__ = ["VirtualArcOne", "VirtualRelay", "programmers"]
