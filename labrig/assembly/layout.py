"""The `network` section: nodes, programmable edges and fixed elements, before any wiring."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from itertools import pairwise

from labrig.config.document import Document
from labrig.config.faults import TreePath
from labrig.config.sections import FixedDiode, FixedResistor, Network
from labrig.network.builders import HiddenLayer, Layout, from_edges, grid, layered
from labrig.network.diodes import DIODES, DiodeModel
from labrig.network.graph import GROUND, Diode, NetworkError, Resistor
from labrig.quantities import as_written

PILOT = "pilot"
EDGES = "edges"
RESERVED = (PILOT, EDGES)
"""Rows of the wiring that are no nodes of the network."""

MOST_EDGES = 100_000


def read_layout(document: Document, network: Network) -> Layout | None:
    """The nodes and elements of a `network` section, before any source; None where it has faults."""
    found = len(document.faults)
    base = _base(document, network)
    nodes = None if base is None or network.edges is not None else {*base.nodes, GROUND}
    resistors = [
        Resistor(f"resistor{k}", item.from_, item.to, item.value)
        for k, item in enumerate(network.resistors)
        if _joins_two_nodes(document, ("network", "resistors", k), item, nodes)
    ]
    diodes = [
        Diode(f"diode{k}", item.from_, item.to, model, item.count)
        for k, item in enumerate(network.diodes)
        if _joins_two_nodes(document, ("network", "diodes", k), item, nodes)
        if (model := _diode(document, item.part, ("network", "diodes", k, "part"))) is not None
    ]
    if base is None or len(document.faults) > found:
        return None
    layout = Layout(base.nodes, base.edges, base.resistors + tuple(resistors), base.diodes + tuple(diodes))
    if network.edges is not None:
        layout = from_edges(base.edges, resistors, diodes)
    for name in RESERVED:
        if name in layout.nodes:
            _fault(
                document, ("network",), f"no node can be called {name!r}: the wiring has a row of that name", key=True
            )
    return layout if len(document.faults) == found else None


def _base(document: Document, network: Network) -> Layout | None:
    """What the builder of the section makes, without its fixed resistors and diodes."""
    if network.grid:
        rows, columns = network.grid.rows, network.grid.columns
        count = rows * (columns - 1) + columns * (rows - 1)
        return grid(rows, columns) if _few_enough(document, "grid", count) else None
    if network.edges is not None:
        return _from_list(document, network.edges)
    assert network.layered is not None
    hidden = [
        HiddenLayer(layer.nodes) if layer.shunt is None else HiddenLayer(layer.nodes, model, layer.shunt.pairs)
        for k, layer in enumerate(network.layered.hidden)
        for path in [("network", "layered", "hidden", k, "shunt", "diodes")]
        for model in [_diode(document, layer.shunt.diodes, path) if layer.shunt else None]
    ]
    sizes = [network.layered.inputs, *(layer.nodes for layer in hidden), network.layered.outputs]
    count = sum(near * far for near, far in pairwise(sizes))
    if not _few_enough(document, "layered", count):
        return None
    return layered(network.layered.inputs, network.layered.outputs, hidden)


def _few_enough(document: Document, builder: str, count: int) -> bool:
    if count > MOST_EDGES:
        _fault(document, ("network", builder), f"{count} programmable edges are more than {MOST_EDGES}")
    return count <= MOST_EDGES


def _from_list(document: Document, edges: Sequence[str]) -> Layout | None:
    found = len(document.faults)
    seen: set[str] = set()
    for k, text in enumerate(edges):
        path = ("network", "edges", k)
        try:
            from_edges([text]).with_sources(())
        except NetworkError as error:
            _fault(document, path, str(error))
        if text in seen:
            _fault(document, path, f"edge {text!r} is there twice; of two in parallel write one the other way round")
        seen.add(text)
    return from_edges(edges) if len(document.faults) == found else None


def _joins_two_nodes(
    document: Document, path: TreePath, item: FixedResistor | FixedDiode, nodes: set[str] | None
) -> bool:
    """Whether an element lies between two different nodes of the network. nodes: None where any name is one."""
    found = len(document.faults)
    for key, node in (("from", item.from_), ("to", item.to)):
        if nodes is not None and node not in nodes:
            close = difflib.get_close_matches(node, nodes, 1, 0.6)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            _fault(document, (*path, key), f"the network has no node {as_written(node)}{hint}")
    if item.from_ == item.to:
        _fault(document, (*path, "to"), f"both ends are on {item.to!r}; connect two different nodes")
    return len(document.faults) == found


def _diode(document: Document, part: str, path: TreePath) -> DiodeModel | None:
    model = DIODES.get(part)
    if model is None:
        close = difflib.get_close_matches(part, DIODES, 1, 0.4)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(DIODES)}"
        _fault(document, path, f"{as_written(part)} is not a known diode; {hint}")
    return model


def _fault(document: Document, path: TreePath, message: str, *, key: bool = False) -> None:
    document.faults.add(document.key_mark_of(path) if key else document.mark_of(path), path, message)
