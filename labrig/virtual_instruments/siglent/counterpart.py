"""The virtual counterpart of `siglent.sdg`, over VXI-11 or, if the configuration uses one, a raw socket.

Not all firmware versions serve a raw socket; the counterpart uses a version that serves the interface.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from labrig.virtual_instruments.counterpart import Entry, each_on_its_own
from labrig.virtual_instruments.over_visa import over_visa, uses_raw_socket
from labrig.virtual_instruments.siglent.generator import VirtualSdg
from labrig.virtual_instruments.siglent.models import firmware_of
from labrig.virtual_instruments.virtual_bench import VirtualBench


@each_on_its_own
def generators(bench: VirtualBench, entry: Entry) -> AbstractContextManager[str]:
    """Serve one generator and yield its VISA resource."""
    serial = entry.options["serial"] or f"SDG2X{entry.name.upper()}"
    firmware = firmware_of(entry.model, uses_raw_socket(entry))
    return over_visa(bench, entry, VirtualSdg(bench, entry.name, entry.model, serial, firmware=firmware))
