"""Builds the wire bench of a configuration and, in its child process, the virtual instruments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from labrig.assembly.benches.simulated import board_wiring, imperfections
from labrig.config.resolved import to_yaml
from labrig.simulation.board import simulated_board
from labrig.simulation.faults import FaultSchedule
from labrig.virtual_instruments.counterpart import Endpoint, Entry, served
from labrig.virtual_instruments.virtual_bench import VirtualBench, faults_in_time
from labrig.virtual_instruments.wire_bench import WireBench

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly


def build(assembly: Assembly) -> WireBench:
    """Build the bench; its child process gets the same configuration."""
    return WireBench(to_yaml(assembly.document), assembly.document.directory)


@contextmanager
def virtual_instruments(assembly: Assembly) -> Iterator[list[Endpoint]]:
    """Serve every instrument of a configuration, connected to one simulated world, while the context is open."""
    capabilities = {name: device.capabilities for name, device in assembly.devices.items()}
    imperfect = imperfections(assembly)
    board = simulated_board(assembly.board.network, board_wiring(assembly), capabilities, imperfect)
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
        yield endpoints
