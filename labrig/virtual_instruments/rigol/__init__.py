"""Virtual counterpart of the Rigol driver."""

from labrig.virtual_instruments.rigol.counterpart import generators
from labrig.virtual_instruments.rigol.generator import VirtualDg1000z

__all__ = ["VirtualDg1000z", "generators"]
