"""Virtual counterparts of the Keysight drivers."""

from labrig.virtual_instruments.keysight.counterpart import generators, multimeters
from labrig.virtual_instruments.keysight.generator import VirtualTrueform
from labrig.virtual_instruments.keysight.multimeter import VirtualTruevolt

__all__ = ["VirtualTrueform", "VirtualTruevolt", "generators", "multimeters"]
