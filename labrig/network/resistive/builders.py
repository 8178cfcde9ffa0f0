"""Builders of common networks: layered, grid, or from a list of edges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from labrig.network.physics import GROUND, Edge, NetworkError, Source
from labrig.network.resistive.diodes import DiodeModel
from labrig.network.resistive.graph import Diode, Resistor
from labrig.network.resistive.network import ResistiveNetwork


@dataclass(frozen=True, slots=True)
class Layout:
    """A network before it is wired to sources."""

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]
    resistors: tuple[Resistor, ...] = ()
    diodes: tuple[Diode, ...] = ()
    numbered: bool = False
    shape: dict[str, Any] = field(default_factory=dict[str, Any])

    def with_sources(self, sources: Iterable[Source], beside: Sequence[str] = ()) -> ResistiveNetwork:
        """Return the network with these sources, and the nodes `beside`, which are connected only to a source."""
        return ResistiveNetwork((*self.nodes, *beside), self.edges, self.resistors, self.diodes, tuple(sources))


@dataclass(frozen=True, slots=True)
class HiddenLayer:
    """A layer of `nodes` hidden nodes, each with `pairs` antiparallel pairs of `diodes` to ground (None: no diodes)."""

    nodes: int
    diodes: DiodeModel | None = None
    pairs: int = 1


def layered(inputs: int, outputs: int, hidden: Sequence[HiddenLayer] = ()) -> Layout:
    """Build a layered network, in which programmable edges connect every node of a layer to every node of the next.

    Nodes are called in0, …, hid0, … (numbered consecutively across hidden layers) and out0, …. Edges have names such as
    'in0-hid0'. They are sorted by layer, then by their node in that layer, then by their node in the next layer. If
    there are no hidden layers, edges connect inputs directly to outputs.

    Raises
    ------
    NetworkError
        If a layer has fewer than one node, or a number of diode pairs is negative.
    """
    _check_counts(inputs, outputs, hidden)
    layers = [[f"in{number}" for number in range(inputs)]]
    diodes: list[Diode] = []
    numbered = 0
    for layer in hidden:
        names = [f"hid{number}" for number in range(numbered, numbered + layer.nodes)]
        numbered += layer.nodes
        layers.append(names)
        if layer.diodes is not None and layer.pairs > 0:
            for node in names:
                diodes += _antiparallel_to_ground(node, layer.diodes, layer.pairs)
    layers.append([f"out{number}" for number in range(outputs)])

    pairs = [(a, b) for near, far in pairwise(layers) for a in near for b in far]
    nodes = tuple(node for layer in layers for node in layer)
    sizes = [len(layer) for layer in layers]
    edges = tuple(_edge(a, b) for a, b in pairs)
    return Layout(nodes, edges, (), tuple(diodes), numbered=True, shape={"layered": sizes})


def grid(rows: int, columns: int) -> Layout:
    """An open square grid of programmable edges.

    Nodes are called n{row}_{column} and are in order row by row. Edges are in the order of their first node: the edge
    to its right neighbour, then the edge to the neighbour below. Raises NetworkError for fewer than two nodes.
    """
    if rows < 1 or columns < 1 or rows * columns < 2:
        raise NetworkError(f"a grid of {rows} × {columns} nodes has no edge", limit="at least two nodes")
    edges: list[Edge] = []
    for row in range(rows):
        for column in range(columns):
            here = f"n{row}_{column}"
            if column + 1 < columns:
                edges.append(_edge(here, f"n{row}_{column + 1}"))
            if row + 1 < rows:
                edges.append(_edge(here, f"n{row + 1}_{column}"))
    nodes = tuple(f"n{row}_{column}" for row in range(rows) for column in range(columns))
    return Layout(nodes, tuple(edges), shape={"grid": [rows, columns]})


def from_edges(edges: Sequence[str | Edge], resistors: Sequence[Resistor] = (), diodes: Sequence[Diode] = ()) -> Layout:
    """Build the network of these programmable edges, fixed resistors and diodes.

    An edge is an `Edge` or a text 'a-b'; the text without blanks is then its name. Nodes are in the order in which they
    are first mentioned: in edges, then in resistors, then in diodes. Raises NetworkError for a text that is not of the
    form 'a-b'.
    """
    programmable = tuple(edge if isinstance(edge, Edge) else _parsed(edge) for edge in edges)
    ends = [node for edge in programmable for node in (edge.a, edge.b)]
    ends += [node for resistor in resistors for node in (resistor.a, resistor.b)]
    ends += [node for diode in diodes for node in (diode.anode, diode.cathode)]
    nodes = tuple(node for node in dict.fromkeys(ends) if node != GROUND)
    return Layout(nodes, programmable, tuple(resistors), tuple(diodes))


def _edge(a: str, b: str) -> Edge:
    return Edge(f"{a}-{b}", a, b)


def _parsed(text: str) -> Edge:
    a, dash, b = text.partition("-")
    if not (a.strip() and dash and b.strip()) or "-" in b:
        raise NetworkError(f"edge {text!r} does not name two nodes", remedy="write it 'a-b'")
    return _edge(a.strip(), b.strip())


def _antiparallel_to_ground(node: str, model: DiodeModel, pairs: int) -> list[Diode]:
    return [
        Diode(f"{node}-{GROUND}", node, GROUND, model, pairs),
        Diode(f"{GROUND}-{node}", GROUND, node, model, pairs),
    ]


def _check_counts(inputs: int, outputs: int, hidden: Sequence[HiddenLayer]) -> None:
    for what, count in (("inputs", inputs), ("outputs", outputs), *(("hidden nodes", layer.nodes) for layer in hidden)):
        if count < 1:
            raise NetworkError(f"a layered network cannot have {count} {what}", limit="1 or more")
    if any(layer.pairs < 0 for layer in hidden):
        raise NetworkError("a hidden layer cannot have a negative number of diode pairs", limit="0 or more")
