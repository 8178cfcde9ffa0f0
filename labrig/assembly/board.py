"""A layout and its wiring become a board: the graph with its sources, and which channel is soldered to what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from labrig.assembly.devices import Device
from labrig.assembly.layout import PILOT
from labrig.assembly.wiring import WiringReader
from labrig.config import sections
from labrig.config.document import Document
from labrig.instruments.drivers import ProgrammerCapabilities, SourceCapabilities
from labrig.network.builders import Layout
from labrig.network.graph import Graph, NetworkError, Source
from labrig.rig.hookup import EdgeWire, Hookup, Howland, SenseWire, SourceWire


@dataclass(frozen=True)
class Board:
    """A network and its wiring. `graph` includes the sources and the pilot's node."""

    graph: Graph
    hookup: Hookup


def read_board(
    document: Document, layout: Layout, devices: Mapping[str, Device], faulty: frozenset[str], ordered: bool
) -> Board | None:
    """Check the wiring against network and instruments, and make it a graph and a hookup; None where it has faults.

    ordered: inputs and outputs count by node number (layered networks) instead of in the order of their rows.
    """
    reader = WiringReader(document, layout, devices, faulty)
    rows = reader.rows()
    edges = reader.edges()
    if reader.faults_found:
        return None
    if ordered:
        position = {node: k for k, node in enumerate((*layout.nodes, PILOT))}
        rows = dict(sorted(rows.items(), key=lambda item: position[item[0]]))
    inputs, outputs, pilots, sources = [], [], [], []
    for node, row in rows.items():
        label = row.drive or row.error
        if label is None:
            continue
        device, _, channel = label.partition("/")
        able = devices[device].capabilities
        assert isinstance(able, SourceCapabilities)
        wire = _source_wire(node, row.through, device, channel, able)
        sources.append(Source(node, wire.ohm, wire.howland and wire.howland.transconductance_s))
        (pilots if node == PILOT else inputs if row.drive else outputs).append(wire)
    graph = Graph((*layout.nodes, PILOT), layout.edges, layout.resistors, layout.diodes, tuple(sources))
    try:
        graph.check()
    except NetworkError as error:
        first = ("wiring", graph.floating_nodes()[0])
        path = first if first[1] in rows else ("wiring",)
        document.faults.add(document.key_mark_of(path), path, str(error))
        return None
    rails = _rails(edges, devices)
    for wire in outputs:
        if wire.howland is not None:
            low, high = rails.get(wire.node, (-np.inf, np.inf))
            compliance = wire.howland.compliance_v
            rails[wire.node] = max(low, -compliance), min(high, compliance)
    senses = tuple(
        SenseWire(node, row.sense.partition("/")[2], *rails.get(node, ())) for node, row in rows.items() if row.sense
    )
    (digitizer,) = {row.sense.partition("/")[0] for row in rows.values() if row.sense}
    return Board(graph, Hookup(digitizer, tuple(inputs), tuple(outputs), pilots[0], senses, tuple(edges)))


def _source_wire(
    node: str, through: float | sections.Howland | None, device: str, channel: str, able: SourceCapabilities
) -> SourceWire:
    if isinstance(through, sections.Howland):
        howland = Howland(through.howland, through.compliance)
        return SourceWire(node, device, channel, through.output_resistance, able.full_scale_v, howland)
    return SourceWire(node, device, channel, through or able.output_resistance_ohm, able.full_scale_v)


def _rails(edges: Sequence[EdgeWire], devices: Mapping[str, Device]) -> dict[str, tuple[float, float]]:
    """The supply of the parts on each node: the narrowest of them."""
    rails: dict[str, tuple[float, float]] = {}
    for edge in edges:
        able = devices[edge.device].capabilities
        assert isinstance(able, ProgrammerCapabilities)
        for node in (edge.a, edge.b):
            low, high = rails.get(node, able.supply_v)
            rails[node] = max(low, able.supply_v[0]), min(high, able.supply_v[1])
    return rails
