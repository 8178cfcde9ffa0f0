"""The virtual counterpart of `siglent.sdg`, over VXI-11 or, if the configuration uses one, a raw socket.

Not all firmware versions serve a raw socket; the counterpart uses a version that serves the interface.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from labrig.simulation.faults import PowerFault
from labrig.virtual_instruments.counterpart import Entry, each_on_its_own
from labrig.virtual_instruments.scpi import SocketServer, Vxi11Server
from labrig.virtual_instruments.siglent.generator import VirtualSdg
from labrig.virtual_instruments.siglent.models import firmware_of
from labrig.virtual_instruments.virtual_bench import VirtualBench


@each_on_its_own
@contextmanager
def generators(bench: VirtualBench, entry: Entry) -> Iterator[str]:
    """Serve one generator and yield its VISA resource."""
    raw_socket = entry.options["resource"].upper().endswith("::SOCKET")
    serial = entry.options["serial"] or f"SDG2X{entry.name.upper()}"
    firmware = firmware_of(entry.model, raw_socket)
    generator = VirtualSdg(bench, entry.name, entry.model, serial, firmware=firmware)
    front_end = SocketServer if raw_socket else Vxi11Server
    with front_end(generator, faults=bench.faults, name=entry.name) as server:

        def lose_power(t: float) -> None:
            generator.power_cycle()
            server.cut()

        bench.faults.when_begun(entry.name, PowerFault, lose_power)
        yield server.resource
