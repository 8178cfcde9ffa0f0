"""Virtual counterpart of the Keysight driver."""

from labrig.virtual_instruments.keysight.counterpart import generators
from labrig.virtual_instruments.keysight.generator import VirtualTrueform

__all__ = ["VirtualTrueform", "generators"]
