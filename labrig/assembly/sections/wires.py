"""Builds the wires of a board from the rows of the wiring and the instruments and parts at their ends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from labrig.assembly.sections.instruments import Device
from labrig.assembly.sections.wiring_row import HowlandSource, NodeWires
from labrig.instruments.drivers import SourceCapabilities
from labrig.medium import ELECTRICAL, medium_in_use
from labrig.rig.hookup import Actuator, EdgeWire, Howland, SourceWire


def source_wire(node: str, row: NodeWires, device: str, channel: str, capabilities: SourceCapabilities) -> SourceWire:
    """Return the wire from a source channel to its node."""
    through = row.through
    if row.actuator is not None:
        actuator = Actuator(row.actuator.value, row.actuator.output != medium_in_use().state)
        ohm = 1.0 / row.coupling if row.coupling else math.inf
        return SourceWire(node, device, channel, ohm, capabilities.full_scale_v, actuator=actuator)
    if isinstance(through, HowlandSource):
        howland = Howland(through.howland, through.compliance)
        return SourceWire(node, device, channel, through.output_resistance, capabilities.full_scale_v, howland)
    return SourceWire(node, device, channel, through or capabilities.output_resistance_ohm, capabilities.full_scale_v)


def rails_of(edges: Sequence[EdgeWire], devices: Mapping[str, Device]) -> dict[str, tuple[float, float]]:
    """Return the narrowest supply range (V) of the parts on each node."""
    rails: dict[str, tuple[float, float]] = {}
    for edge in edges:
        capabilities = devices[edge.device].programmer
        for node in (edge.a, edge.b) if medium_in_use() == ELECTRICAL else ():
            low, high = rails.get(node, capabilities.supply_v)
            rails[node] = max(low, capabilities.supply_v[0]), min(high, capabilities.supply_v[1])
    return rails
