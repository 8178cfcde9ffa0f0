"""Builds the wire bench of a configuration, and, in the child, the virtual instruments that stand behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrig.assembly.benches.simulated import board_wiring, imperfections
from labrig.config.resolved import to_yaml
from labrig.instruments.drivers import ProgrammerCapabilities
from labrig.simulation.board import simulated_board
from labrig.simulation.fault_schedule import FaultSchedule
from labrig.virtual_instruments.bench_side import BenchSide, FaultTicker
from labrig.virtual_instruments.counterparts import counterparts
from labrig.virtual_instruments.serving import Entry, VirtualInstruments
from labrig.virtual_instruments.wire_bench import WireBench

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly


def build(assembly: Assembly) -> WireBench:
    """The bench as the run sees it; its child gets the same configuration."""
    return WireBench(to_yaml(assembly.document))


def virtual_instruments(assembly: Assembly) -> list[VirtualInstruments]:
    """Servers for every instrument of a configuration, around one World; not started yet."""
    capabilities = {name: device.capabilities for name, device in assembly.devices.items()}
    imperfect = imperfections(assembly)
    board = simulated_board(
        assembly.board.graph, board_wiring(assembly), capabilities, imperfect, assembly.simulation_seed
    )
    side = BenchSide(board.world, imperfect, assembly.simulation_seed)
    board.world.faults = FaultSchedule(assembly.faults, side.clock)
    trigger = assembly.synchronization.trigger
    if trigger is not None:
        leaves_by = f"{trigger.from_.partition('/')[0]}/{trigger.line or 'start'}"
        for name in trigger.to:
            side.lines.solder(leaves_by, f"{name}/trigger")
    entries = [
        (
            device.driver.virtual,
            Entry(
                name,
                device.options.model or next(iter(device.driver.models), ""),
                device.capabilities,
                device.options.model_dump(),
                board.end_to_end_ohm[name] if isinstance(device.capabilities, ProgrammerCapabilities) else None,
            ),
        )
        for name, device in assembly.devices.items()
    ]
    return [*counterparts(side, entries), FaultTicker(side)]
