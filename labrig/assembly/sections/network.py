"""The `network` section: nodes, programmable edges and fixed elements, before any wiring."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from labrig.assembly.board import Board
from labrig.assembly.sections.instruments import Device
from labrig.config.document import Document
from labrig.config.problems import TreePath
from labrig.config.section import Section, exactly_one
from labrig.instruments.data import Continuous, LevelTable
from labrig.learning.updates import within
from labrig.network.builders import HiddenLayer, Layout, from_edges, grid, layered
from labrig.network.diodes import DIODES, DiodeModel
from labrig.network.graph import GROUND, Diode, NetworkError, Resistor
from labrig.quantities import MOST, Count, PositiveConductance, PositiveResistance, as_written, format_quantity
from labrig.random_streams import RandomStream

PILOT = "pilot"
EDGES = "edges"
RESERVED = (PILOT, EDGES)
"""Rows of the wiring that are no nodes of the network."""

MOST_EDGES = 100_000

Array = NDArray[np.float64]


class Shunt(Section):
    """Antiparallel pairs of a diode from each node to ground."""

    diodes: str
    pairs: Count = 1


class HiddenNodes(Section):
    """One hidden layer."""

    nodes: Annotated[Count, Field(le=MOST)]
    shunt: Shunt | None = None


class Layered(Section):
    """Layers that are fully connected one to the next."""

    inputs: Annotated[Count, Field(le=MOST)]
    outputs: Annotated[Count, Field(le=MOST)]
    hidden: list[HiddenNodes] = []


class Grid(Section):
    """A grid of nodes with an edge between neighbours."""

    rows: Annotated[Count, Field(ge=2, le=MOST)]
    columns: Annotated[Count, Field(ge=2, le=MOST)]


class FixedResistor(Section):
    """A resistor that is not trained."""

    from_: str = Field(alias="from")
    to: str
    value: PositiveResistance


class FixedDiode(Section):
    """Anode `from`, cathode `to`."""

    from_: str = Field(alias="from")
    to: str
    part: str
    count: Count = 1


class Programmable(Section):
    """The trained edges: range of conductances, and where they are drawn from at the start."""

    edges: Literal["all"] = "all"
    range: tuple[PositiveConductance, PositiveConductance]
    initial: tuple[PositiveConductance, PositiveConductance] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, high = self.range
        if low >= high:
            raise ValueError("range: the first conductance must be the smaller one")
        if self.initial is not None:
            first, last = self.initial
            if first > last:
                raise ValueError("initial: the first conductance must not be the larger one")
            if first < low or last > high:
                limits = " to ".join(format_quantity(value, "conductance") for value in self.range)
                raise ValueError(f"initial: it reaches outside range, {limits}")
        return self


class Network(Section):
    """One builder, and fixed parts."""

    layered: Layered | None = None
    grid: Grid | None = None
    edges: Annotated[list[str], Field(min_length=1)] | None = None
    resistors: list[FixedResistor] = []
    diodes: list[FixedDiode] = []
    programmable: Programmable

    @model_validator(mode="after")
    def _one_builder(self) -> Self:
        exactly_one(self, ("layered", "grid", "edges"))
        return self


def read_layout(document: Document, network: Network) -> Layout | None:
    """The nodes and elements of a `network` section, before any source; None where it has faults."""
    found = len(document.problems)
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
    if base is None or len(document.problems) > found:
        return None
    layout = Layout(base.nodes, base.edges, base.resistors + tuple(resistors), base.diodes + tuple(diodes))
    if network.edges is not None:
        layout = from_edges(base.edges, resistors, diodes)
    for name in RESERVED:
        if name in layout.nodes:
            document.report(
                ("network",), f"no node can be called {name!r}: the wiring has a row of that name", at_key=True
            )
    return layout if len(document.problems) == found else None


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
        document.report(("network", builder), f"{count} programmable edges are more than {MOST_EDGES}")
    return count <= MOST_EDGES


def _from_list(document: Document, edges: Sequence[str]) -> Layout | None:
    found = len(document.problems)
    seen: set[str] = set()
    for k, text in enumerate(edges):
        path = ("network", "edges", k)
        try:
            from_edges([text]).with_sources(())
        except NetworkError as error:
            document.report(path, str(error))
        if text in seen:
            document.report(path, f"edge {text!r} is there twice; of two in parallel write one the other way round")
        seen.add(text)
    return from_edges(edges) if len(document.problems) == found else None


def _joins_two_nodes(
    document: Document, path: TreePath, item: FixedResistor | FixedDiode, nodes: set[str] | None
) -> bool:
    """Whether an element lies between two different nodes of the network. nodes: None where any name is one."""
    found = len(document.problems)
    for key, node in (("from", item.from_), ("to", item.to)):
        if nodes is not None and node not in nodes:
            close = difflib.get_close_matches(node, nodes, 1, 0.6)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            document.report((*path, key), f"the network has no node {as_written(node)}{hint}")
    if item.from_ == item.to:
        document.report((*path, "to"), f"both ends are on {item.to!r}; connect two different nodes")
    return len(document.problems) == found


def _diode(document: Document, part: str, path: TreePath) -> DiodeModel | None:
    model = DIODES.get(part)
    if model is None:
        close = difflib.get_close_matches(part, DIODES, 1, 0.4)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(DIODES)}"
        document.report(path, f"{as_written(part)} is not a known diode; {hint}")
    return model


def check_range(document: Document, network: Network, board: Board, devices: Mapping[str, Device]) -> None:
    """The conductance range must lie within what the parts can do, and hold levels."""
    path = ("network", "programmable", "range")
    low, high = network.programmable.range
    for name in board.hookup.programmers:
        able = devices[name].programmer
        part = able.part.levels()
        if isinstance(part, Continuous):
            least, greatest = part.minimum, part.maximum
        else:
            least, greatest = float(part.siemens[0]), float(part.siemens[-1])
        if low < least or high > greatest:
            document.report(
                path,
                f"{able.part.name} of {name} realizes {_siemens(least)} to {_siemens(greatest)}, not "
                f"{_siemens(low)} to {_siemens(high)}; stay within, or choose another part",
            )
            continue
        levels = within(part, low, high)
        if isinstance(levels, LevelTable) and len(levels.codes) < 2:
            document.report(
                path,
                f"{able.part.name} of {name} has {'1 level' if len(levels.codes) else 'no level'} in this range; "
                "choose a wider one, where its levels are dense",
            )


def initial_conductances(network: Network, edges: int, seed: int) -> Array:
    """(E,) conductances to begin with (S), uniform in `initial`."""
    return RandomStream(seed, "initial").at(0).uniform(*initial_range(network.programmable), edges)


def initial_range(programmable: Programmable) -> tuple[float, float]:
    """Where initial conductances are drawn from (S): by default the middle 60 % of the range."""
    low, high = programmable.range
    return programmable.initial or (low + 0.2 * (high - low), high - 0.2 * (high - low))


def _siemens(value: float) -> str:
    return f"{value * 1e6:.5g} µS" if value < 1e-3 else f"{value * 1e3:.5g} mS"
