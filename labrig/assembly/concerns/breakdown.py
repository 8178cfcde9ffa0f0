"""A diode that is driven into breakdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrig.assembly.expected import Expected
from labrig.network.resistive.graph import Graph, incidence
from labrig.quantities import format_quantity

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly
    from labrig.assembly.concerns import Warnings


def breakdown(assembly: Assembly) -> Warnings:
    """Warn of a reverse voltage beyond the breakdown voltage of a diode."""
    network = assembly.board.network
    if not isinstance(network, Graph) or not network.diodes:
        return
    across = incidence(network.nodes, [(diode.anode, diode.cathode) for diode in network.diodes])
    lowest = (Expected(assembly).operating_points() @ across.T).min(axis=0)
    for diode, volts in zip(network.diodes, lowest.tolist(), strict=True):
        limit = diode.model.breakdown_voltage_v
        if volts < -diode.model.breakdown_knee_v:
            yield (
                ("network",),
                f"diode {diode.name} is driven into breakdown: it has {format_quantity(-volts, 'voltage')} across it "
                f"in reverse, and breakdown begins near {format_quantity(limit, 'voltage')}; use smaller drives or "
                "another part",
            )
            return
