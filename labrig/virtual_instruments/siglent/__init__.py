"""Virtual Siglent SDG generators for VISA clients."""

from __future__ import annotations

from labrig.virtual_instruments.siglent.counterpart import generators
from labrig.virtual_instruments.siglent.generator import VirtualSdg
from labrig.virtual_instruments.siglent.latency import measured_latency

__all__ = ["VirtualSdg", "generators", "measured_latency"]
