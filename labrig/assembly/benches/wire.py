"""Builds the wire bench of a configuration and, in its child process, the virtual instruments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from labrig.assembly.benches.simulated import compensated, imperfections, wired
from labrig.config.resolved import to_yaml
from labrig.simulation.board import simulated_board
from labrig.simulation.faults import FaultSchedule
from labrig.simulation.truth import SimulatedTruth
from labrig.virtual_instruments.counterpart import Endpoint, Entry, served
from labrig.virtual_instruments.virtual_bench import VirtualBench, faults_in_time
from labrig.virtual_instruments.wire_bench import WireBench

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly


def build(assembly: Assembly) -> WireBench:
    """Build the bench; its child process gets the same configuration."""
    fixture = "" if assembly.fixture is None else assembly.fixture.to_text()
    return WireBench(to_yaml(assembly.document), assembly.document.directory, fixture)


class Serving(NamedTuple):
    """Virtual instruments that are being served.

    Attributes
    ----------
    endpoints : list of Endpoint
        Addresses of the instruments.
    true_outputs : callable
        Takes inputs (I,) (V) and whether these are amplitudes of a tone; returns the exact outputs (O,) (V).
    playing : callable
        Returns the time and, for each source channel, whether its output is on and since when (s).
    """

    endpoints: list[Endpoint]
    true_outputs: Callable[[NDArray[np.float64], bool], NDArray[np.float64]]
    playing: Callable[[], dict[str, Any]]


@contextmanager
def virtual_instruments(assembly: Assembly) -> Iterator[Serving]:
    """Serve every instrument of a configuration, connected to one simulated world, while the context is open."""
    hookup = assembly.board.hookup
    capabilities = {name: device.capabilities for name, device in assembly.devices.items()}
    imperfect = imperfections(assembly)
    actual, seed = wired(assembly), assembly.simulation_seed
    board = simulated_board(actual.network, actual.wiring, capabilities, imperfect, seed)
    bench = VirtualBench(board.world, imperfect, assembly.simulation_seed)
    board.world.started_s = bench.clock()
    board.world.faults = FaultSchedule(assembly.faults, bench.clock)
    trigger = assembly.synchronization.trigger
    if trigger is not None:
        leaves_by = f"{trigger.from_.partition('/')[0]}/{trigger.line or 'start'}"
        for name in trigger.to:
            bench.lines.solder(leaves_by, f"{name}/trigger")
    instruments = [
        (
            device.driver,
            Entry(
                name,
                device.options.model or next(iter(device.driver.models), ""),
                device.capabilities,
                device.options.model_dump(),
                board.parts.get(name, ()),
            ),
        )
        for name, device in assembly.devices.items()
    ]
    with served(bench, instruments) as endpoints, faults_in_time(bench):
        on_board = assembly.fixture is None
        truth = SimulatedTruth(
            board.world,
            bench.clock,
            inputs=tuple(wire.label for wire in hookup.inputs if on_board),
            outputs=tuple(wire.output for wire in hookup.outputs if on_board),
            compensated=compensated(assembly),
        )

        def true_outputs(activation: NDArray[np.float64], tone: bool) -> NDArray[np.float64]:
            with bench.lock:
                return truth.outputs(activation, tone)

        def playing() -> dict[str, Any]:
            with bench.lock:
                now = bench.clock()
                programs = zip(board.world.sources, board.world.timeline.programs(now), strict=True)
                channels = {
                    channel: {"on": program is not None and program.peak > 0, "since_s": max(since, 0.0)}
                    for channel, (since, program) in programs
                }
            return {"now_s": now, "channels": channels}

        yield Serving(endpoints, true_outputs, playing)
