"""The virtual counterpart of `keysight.trueform`, over VXI-11 or, if the configuration uses one, a raw socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from labrig.simulation.faults import PowerFault
from labrig.virtual_instruments.counterpart import Entry, each_on_its_own
from labrig.virtual_instruments.keysight.generator import VirtualTrueform
from labrig.virtual_instruments.scpi import SocketServer, Vxi11Server
from labrig.virtual_instruments.virtual_bench import VirtualBench


@each_on_its_own
@contextmanager
def generators(bench: VirtualBench, entry: Entry) -> Iterator[str]:
    """Serve one generator and yield its VISA resource."""
    serial = entry.options["serial"] or f"MY{entry.name.upper()}"
    generator = VirtualTrueform(bench, entry.name, entry.model, serial, channels=len(entry.capabilities.channels))
    front_end = SocketServer if entry.options["resource"].upper().endswith("::SOCKET") else Vxi11Server
    with front_end(generator, faults=bench.faults, name=entry.name) as server:

        def lose_power(t: float) -> None:
            generator.power_cycle()
            server.cut()

        bench.faults.when_begun(entry.name, PowerFault, lose_power)
        yield server.resource
