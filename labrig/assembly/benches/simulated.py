"""Builds the simulated bench of a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrig.simulation.bench import SimulatedBench
from labrig.simulation.imperfections import Imperfections
from labrig.simulation.imperfections import imperfections as drawn
from labrig.simulation.miswirings import Wired
from labrig.simulation.world import BoardWiring

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly


def build(assembly: Assembly) -> SimulatedBench:
    """Build a bench whose board is wired as configured."""
    hookup = assembly.board.hookup
    board = wired(assembly)
    return SimulatedBench(
        board.network,
        board.wiring,
        {name: device.capabilities for name, device in assembly.devices.items()},
        imperfections(assembly),
        assembly.simulation_seed,
        inputs=[wire.label for wire in hookup.inputs],
        outputs=[wire.output for wire in hookup.outputs],
        faults=assembly.faults,
    )


def wired(assembly: Assembly) -> Wired:
    """Return the simulated board: as configured, apart from its miswirings."""
    board = Wired(assembly.board.network, board_wiring(assembly))
    for miswiring in assembly.miswired:
        board = miswiring.applied(board)
    return board


def board_wiring(assembly: Assembly) -> BoardWiring:
    """Return the configured wiring: the node or edge of every channel, and what is between them."""
    hookup = assembly.board.hookup
    judge = () if assembly.judge is None else assembly.judge.labels
    judged = zip(judge, (wire.output for wire in hookup.outputs), strict=bool(judge))
    return BoardWiring(
        sources={wire.label: wire.node for wire in (*hookup.inputs, *hookup.outputs, hookup.pilot)},
        senses={**{f"{hookup.digitizer}/{wire.channel}": wire.node for wire in hookup.senses}, **dict(judged)},
        edges={f"{edge.device}/{edge.channel}": edge.name for edge in hookup.edges},
        leads={f"{hookup.digitizer}/{wire.channel}": wire.lead for wire in hookup.senses},
        sensors=_sensors(assembly),
        volts_per_drive={wire.label: wire.volts_per_drive for wire in hookup.inputs if wire.actuator is not None},
        per_siemens={edge.name: edge.per_siemens for edge in hookup.edges if edge.per_siemens != 1.0},
    )


def _sensors(assembly: Assembly) -> dict[str, float]:
    """Return the volts per unit of every channel behind a sensor; a judge reads the sensors of the outputs."""
    hookup = assembly.board.hookup
    sensors = {f"{hookup.digitizer}/{wire.channel}": wire.sensor for wire in hookup.senses}
    if assembly.judge is not None:
        of_node = {wire.node: wire.sensor for wire in hookup.senses}
        sensors |= {
            label: of_node[wire.output] for label, wire in zip(assembly.judge.labels, hookup.outputs, strict=True)
        }
    return {label: sensor for label, sensor in sensors.items() if sensor != 1.0}


def imperfections(assembly: Assembly) -> Imperfections:
    """Return the imperfections of the configuration, drawn from the seed of the simulation."""
    return drawn(assembly.simulation.imperfections, assembly.simulation_seed)
