"""Serve a virtual SCPI instrument over the interface that the configuration names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from labrig.simulation.faults import PowerFault
from labrig.virtual_instruments.counterpart import Entry
from labrig.virtual_instruments.scpi import SocketServer, Vxi11Server
from labrig.virtual_instruments.scpi.servers import Executes
from labrig.virtual_instruments.virtual_bench import VirtualBench


class PowerCycled(Executes, Protocol):
    """An instrument that can lose its power."""

    def power_cycle(self) -> None:
        """Lose power and start again with the default settings."""
        ...


def uses_raw_socket(entry: Entry) -> bool:
    """Whether the configuration names a raw socket; otherwise the instrument is served over VXI-11."""
    return str(entry.options["resource"]).upper().endswith("::SOCKET")


@contextmanager
def over_visa(bench: VirtualBench, entry: Entry, instrument: PowerCycled) -> Iterator[str]:
    """Serve an instrument with the faults of the configuration, and yield its VISA resource."""
    front_end = SocketServer if uses_raw_socket(entry) else Vxi11Server
    with front_end(instrument, faults=bench.faults, name=entry.name) as server:

        def lose_power(t: float) -> None:
            instrument.power_cycle()
            server.cut()

        bench.faults.when_begun(entry.name, PowerFault, lose_power)
        yield server.resource
