"""The topology of a network as plain data: nodes, programmable edges, fixed resistors, diodes and sources."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.network.physics import GROUND, Edge, NetworkError, Source
from labrig.network.resistive.diodes import DIODES, DiodeModel


@dataclass(frozen=True, slots=True)
class Resistor:
    """A fixed resistor of `ohm` > 0 between the nodes `a` and `b`."""

    name: str
    a: str
    b: str
    ohm: float


@dataclass(frozen=True, slots=True)
class Diode:
    """`count` identical diodes in parallel, conducting from `anode` to `cathode`."""

    name: str
    anode: str
    cathode: str
    model: DiodeModel
    count: int = 1


@dataclass(frozen=True, slots=True)
class Graph:
    """A network, which is validated when it is built.

    Vectors over nodes, edges and sources are in the order of the tuples here. Raises NetworkError for an unknown or
    duplicate node, a duplicate element name, a self-loop, a resistance or transconductance that is not finite and > 0,
    a diode count < 1, or a second source on one node.
    """

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...] = ()
    resistors: tuple[Resistor, ...] = ()
    diodes: tuple[Diode, ...] = ()
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        self._check_nodes()
        self._check_elements()
        self._check_sources()

    def index(self, node: str) -> int:
        """Index of `node` in a vector over the nodes. Raises NetworkError for an unknown node, and for ground."""
        try:
            return self.nodes.index(node)
        except ValueError:
            why = "ground is the reference and has no index" if node == GROUND else f"unknown node {node!r}"
            raise NetworkError(why, remedy=f"use one of {_some(self.nodes)}") from None

    @property
    def linear(self) -> bool:
        """Whether superposition holds, which is the case if there are no diodes."""
        return not self.diodes

    @property
    def fixed(self) -> dict[str, Any]:
        """Number of fixed resistors, and of diodes by part."""
        names = {model: name for name, model in DIODES.items()}
        diodes = Counter[str]()
        for diode in self.diodes:
            diodes[names.get(diode.model, "others")] += diode.count
        return {"resistors": len(self.resistors), "diodes": dict(sorted(diodes.items()))}

    def fixed_load(self, node: str) -> float:
        """Largest conductance of the fixed parts on a node, without its source (S); infinite if there are diodes."""
        if any(node in (diode.anode, diode.cathode) for diode in self.diodes):
            return math.inf
        return sum(1.0 / resistor.ohm for resistor in self.resistors if node in (resistor.a, resistor.b))

    def drops(self) -> NDArray[np.float64]:
        """(E, N) matrix from node voltages to edge drops, with +1 at `a` and −1 at `b`; ground has no column."""
        return incidence(self.nodes, [(edge.a, edge.b) for edge in self.edges])

    def undetermined_nodes(self, open_edges: Collection[str] = ()) -> tuple[str, ...]:
        """Nodes without a resistive path to ground through edges, resistors and sources; diodes do not count.

        `open_edges` are the names of edges whose conductance is 0 at present.
        """
        links = [(edge.a, edge.b) for edge in self.edges if edge.name not in open_edges]
        links += [(resistor.a, resistor.b) for resistor in self.resistors]
        links += [(source.node, GROUND) for source in self.sources]
        grounded = _reached_from_ground(links)
        return tuple(node for node in self.nodes if node not in grounded)

    def check(self, open_edges: Collection[str] = ()) -> None:
        """Raise NetworkError if nodes are floating, which would leave their voltages undefined."""
        floating = self.undetermined_nodes(open_edges)
        if floating:
            raise NetworkError(
                f"there is no resistive path to ground from {_some(floating)}",
                remedy="add a source, or a resistor to ground (which may be large), in each isolated part",
            )

    def _check_nodes(self) -> None:
        if GROUND in self.nodes:
            raise NetworkError(f"{GROUND!r} exists in every network", remedy="remove it from the nodes")
        for node in _repeated(self.nodes):
            raise NetworkError(f"duplicate node {node!r}", remedy="give every node its own name")

    def _check_elements(self) -> None:
        known = {*self.nodes, GROUND}
        ends = [(f"edge {edge.name!r}", edge.a, edge.b) for edge in self.edges]
        ends += [(f"resistor {resistor.name!r}", resistor.a, resistor.b) for resistor in self.resistors]
        ends += [(f"diode {diode.name!r}", diode.anode, diode.cathode) for diode in self.diodes]
        for element, a, b in ends:
            for node in (a, b):
                if node not in known:
                    raise NetworkError(f"{element}: unknown node {node!r}", remedy=f"use one of {_some(self.nodes)}")
            if a == b:
                raise NetworkError(f"{element}: both ends are on {a!r}", remedy="connect two different nodes")
        for kind, elements in (("edge", self.edges), ("resistor", self.resistors), ("diode", self.diodes)):
            for name in _repeated(element.name for element in elements):
                raise NetworkError(f"duplicate {kind} {name!r}", remedy=f"give every {kind} its own name")
        for resistor in self.resistors:
            _check_ohm(f"resistor {resistor.name!r}", resistor.ohm)
        for diode in self.diodes:
            if diode.count < 1:
                raise NetworkError(f"diode {diode.name!r}: count is {diode.count}", limit="1 or more")

    def _check_sources(self) -> None:
        for source in self.sources:
            if source.node not in self.nodes:
                raise NetworkError(
                    f"a source is on the unknown node {source.node!r}", remedy=f"use one of {_some(self.nodes)}"
                )
            _check_ohm(f"source on {source.node!r}", source.ohm)
            if not (math.isfinite(source.norton_s) and source.norton_s > 0):
                raise NetworkError(
                    f"source on {source.node!r}: transconductance is {source.norton_s!r} A/V", limit="finite and > 0"
                )
        for node in _repeated(source.node for source in self.sources):
            raise NetworkError(f"node {node!r} has two sources", remedy="keep one of them")


def incidence(nodes: Iterable[str], branches: Iterable[tuple[str, str]]) -> NDArray[np.float64]:
    """(branches, nodes) matrix with +1 at the first end of each branch and −1 at the second; ground has no column."""
    column = {node: position for position, node in enumerate(nodes)}
    pairs = list(branches)
    matrix = np.zeros((len(pairs), len(column)))
    for row, (a, b) in enumerate(pairs):
        if a != GROUND:
            matrix[row, column[a]] += 1.0
        if b != GROUND:
            matrix[row, column[b]] -= 1.0
    return matrix


def _reached_from_ground(links: Iterable[tuple[str, str]]) -> set[str]:
    neighbours: dict[str, list[str]] = {}
    for a, b in links:
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    reached, waiting = {GROUND}, [GROUND]
    while waiting:
        for node in neighbours.get(waiting.pop(), ()):
            if node not in reached:
                reached.add(node)
                waiting.append(node)
    return reached


def _check_ohm(element: str, ohm: float) -> None:
    if not (math.isfinite(ohm) and ohm > 0):
        raise NetworkError(f"{element}: resistance is {ohm!r} ohm", limit="finite and > 0")


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _some(names: Iterable[str], at_most: int = 12) -> str:
    every = list(names)
    return ", ".join(every[:at_most]) + (f" and {len(every) - at_most} more" if len(every) > at_most else "")
