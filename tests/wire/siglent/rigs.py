"""A virtual generator on a bench of its own, its front ends, and the driver that talks to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from labrig_drivers.siglent import SdgOptions, SdgSource

from labrig.network.physics import GROUND, Source
from labrig.network.resistive.builders import from_edges
from labrig.network.resistive.graph import Resistor
from labrig.signals.tones import ToneProgram, signed_tone
from labrig.simulation.imperfections import imperfections
from labrig.simulation.world import BoardWiring, SourceStage, World
from labrig.virtual_instruments.scpi import Server, SocketServer
from labrig.virtual_instruments.siglent import VirtualSdg
from labrig.virtual_instruments.virtual_bench import VirtualBench

NODES = ("a", "b")
SOURCE_OHM, LOAD_OHM = 50.0, 1e6


def virtual_bench(**more) -> VirtualBench:
    """Two nodes, each behind 50 Ω with 1 MΩ to ground, and a programmable edge that hardly conducts between them."""
    layout = from_edges(["a-b"], [Resistor(f"load {n}", n, GROUND, LOAD_OHM) for n in NODES])
    graph = layout.with_sources([Source(node, SOURCE_OHM) for node in NODES])
    wiring = BoardWiring({"gen/1": "a", "gen/2": "b"}, {"daq/0": "a", "daq/1": "b"}, {"pots/0": "a-b"})
    world = World(graph, wiring, dict.fromkeys(wiring.sources, SourceStage()), np.array([1e-15]))
    return VirtualBench(world, imperfections({}, seed=1), seed=1, **more)


def options(server: Server, **more) -> SdgOptions:
    return SdgOptions(driver="siglent.sdg", resource=server.resource, **more)


@contextmanager
def rig(
    front: type[Server] = SocketServer, latency=None, joins_long=False, **more
) -> Iterator[tuple[SdgSource, VirtualSdg, Server]]:
    """An opened driver, the generator behind it, and its server."""
    generator = VirtualSdg(virtual_bench(), "gen", joins_long=joins_long)
    with front(generator, latency, name="gen") as server:
        source = SdgSource("gen", options(server, **more))
        try:
            source.open()
            yield source, generator, server
        finally:
            source.close()
    assert generator.failure is None


def edge(generator: VirtualSdg) -> float:
    """A start trigger, now."""
    bench = generator._bench
    with bench.lock:
        t = bench.clock()
        bench.lines.fire("gen/trigger", t)
    return t


def seen(generator: VirtualSdg, t0: float, rate_hz: float, samples: int) -> np.ndarray:
    """(samples, 2) open-circuit volts of both channels from t0 on."""
    volts = generator._bench.world.voltages(NODES, t0, rate_hz, samples)
    return volts * (SOURCE_OHM + LOAD_OHM) / LOAD_OHM


RATE_HZ = 100e3
TIMES = np.arange(400) / RATE_HZ
BEGUN = slice(2, None)  # the burst starts 0.7 µs after the edge: sample 0 is still the old drive


STEEPEST_V_PER_S = 1e5


def sine(frequency_hz: float, amplitude: float, dc: float = 0.0) -> ToneProgram:
    return ToneProgram(dc, (signed_tone(frequency_hz, amplitude),))


def played(source: SdgSource, generator: VirtualSdg, programs) -> tuple[dict[str, ToneProgram], np.ndarray]:
    """One acquisition: what the driver says it plays, and the open-circuit volts from the edge on."""
    told = source.load(programs)
    source.arm()
    t0 = edge(generator)
    source.start()
    return told, seen(generator, t0, RATE_HZ, len(TIMES))


def assert_as_told(told, volts, tolerance=1e-7):
    # The bench counts the system's monotonic time, whose float64 is coarser the longer the machine has been up.
    tolerance += STEEPEST_V_PER_S * np.spacing(time.monotonic())
    for column, channel in enumerate("12"):
        error = np.abs(volts[BEGUN, column] - told[channel].at(TIMES[BEGUN])).max()
        assert error < tolerance, (channel, error)
