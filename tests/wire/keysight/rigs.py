"""A virtual generator on a bench of its own, its front ends, and the driver that talks to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from labrig_drivers.keysight import TrueformOptions, TrueformSource
from wire.siglent.rigs import virtual_bench

from labrig.virtual_instruments.keysight import VirtualTrueform
from labrig.virtual_instruments.scpi import Server, SocketServer


@contextmanager
def rig(front: type[Server] = SocketServer, latency=None, **more) -> Iterator[tuple[TrueformSource, VirtualTrueform]]:
    """An opened driver, and the generator behind it."""
    generator = VirtualTrueform(virtual_bench(), "gen")
    with front(generator, latency, name="gen") as server:
        source = TrueformSource("gen", TrueformOptions(driver="keysight.trueform", resource=server.resource, **more))
        try:
            source.open()
            yield source, generator
        finally:
            source.close()
    assert generator.failure is None
