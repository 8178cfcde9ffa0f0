"""A virtual generator on a bench of its own, its front ends, and the driver that talks to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from labrig_drivers.rigol import Dg1000zOptions, Dg1000zSource
from wire.siglent.rigs import virtual_bench

from labrig.virtual_instruments.rigol import VirtualDg1000z
from labrig.virtual_instruments.scpi import Server, SocketServer

SETTLE_S, PAUSE = 2e-3, "4 ms"
"""Shorter than those of a real generator, so that the tests are fast."""


def options(resource: str, **more) -> Dg1000zOptions:
    return Dg1000zOptions(driver="rigol.dg1000z", resource=resource, **{"pause": PAUSE, **more})


def fast_reset():
    """The driver does not wait for the virtual generator's reset, which takes no time."""
    return patch("labrig_drivers.rigol.generator.RESET_S", 0.0)


@contextmanager
def rig(
    front: type[Server] = SocketServer, settle_s: float = SETTLE_S, **more
) -> Iterator[tuple[Dg1000zSource, VirtualDg1000z]]:
    """An opened driver, and the generator behind it."""
    generator = VirtualDg1000z(virtual_bench(), "gen", settle_s=settle_s)
    with fast_reset(), front(generator, name="gen") as server:
        source = Dg1000zSource("gen", options(server.resource, **more))
        try:
            source.open()
            yield source, generator
        finally:
            source.close()
    assert generator.failure is None
