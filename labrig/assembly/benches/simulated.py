"""Builds the simulated bench of a configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrig.simulation.bench import SimulatedBench
from labrig.simulation.imperfections import Imperfections
from labrig.simulation.imperfections import imperfections as drawn
from labrig.simulation.world import BoardWiring

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly


def build(assembly: Assembly) -> SimulatedBench:
    """Build a bench whose board is wired as configured."""
    hookup = assembly.board.hookup
    return SimulatedBench(
        assembly.board.network,
        board_wiring(assembly),
        {name: device.capabilities for name, device in assembly.devices.items()},
        imperfections(assembly),
        assembly.simulation_seed,
        inputs=[wire.label for wire in hookup.inputs],
        outputs=[wire.node for wire in hookup.outputs],
        faults=assembly.faults,
    )


def board_wiring(assembly: Assembly) -> BoardWiring:
    """Return which node every channel is wired to, as configured."""
    hookup = assembly.board.hookup
    judge = () if assembly.judge is None else assembly.judge.labels
    judged = zip(judge, (wire.node for wire in hookup.outputs), strict=bool(judge))
    return BoardWiring(
        sources={wire.label: wire.node for wire in (*hookup.inputs, *hookup.outputs, hookup.pilot)},
        senses={**{f"{hookup.digitizer}/{wire.channel}": wire.node for wire in hookup.senses}, **dict(judged)},
        edges={f"{edge.device}/{edge.channel}": edge.name for edge in hookup.edges},
        leads={f"{hookup.digitizer}/{wire.channel}": wire.lead for wire in hookup.senses},
    )


def imperfections(assembly: Assembly) -> Imperfections:
    """The imperfections of the configuration, drawn from the seed of the simulation."""
    return drawn(assembly.simulation.imperfections, assembly.simulation_seed)
