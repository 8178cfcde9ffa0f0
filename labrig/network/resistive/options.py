"""The keys of a resistive network, and how the network is built from them."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator
from typing_extensions import override

from labrig.config.section import Section, exactly_one
from labrig.network.physics import GROUND, NetworkError, Physics, Report, WiringProblem, ground_hint
from labrig.network.resistive.builders import HiddenLayer, Layout, from_edges, grid, layered
from labrig.network.resistive.diodes import DIODES, DiodeModel
from labrig.network.resistive.graph import Diode, Graph, Resistor
from labrig.network.resistive.netlist.board import board_of
from labrig.network.resistive.netlist.circuit import NetlistError
from labrig.network.resistive.wiring_problems import wiring_problems
from labrig.quantities import MOST, Count, PositiveResistance, as_written

MOST_EDGES = 100_000

Key = tuple[str | int, ...]


class Shunt(Section):
    """Antiparallel pairs of diodes from each node to ground."""

    diodes: str
    pairs: Count = 1


class HiddenNodes(Section):
    """One hidden layer.

    nodes: number of nodes. shunt: diodes from each of them to ground.
    """

    nodes: Annotated[Count, Field(le=MOST)]
    shunt: Shunt | None = None


class Layered(Section):
    """Layers, each fully connected to the next."""

    inputs: Annotated[Count, Field(le=MOST)]
    outputs: Annotated[Count, Field(le=MOST)]
    hidden: list[HiddenNodes] = []


class Grid(Section):
    """A grid of nodes with an edge between any two neighbours."""

    rows: Annotated[Count, Field(ge=2, le=MOST)]
    columns: Annotated[Count, Field(ge=2, le=MOST)]


class FixedResistor(Section):
    """A resistor that is not trained.

    from_: node at one end. to: node at the other end. value: resistance.
    """

    from_: str = Field(alias="from")
    to: str
    value: PositiveResistance


class FixedDiode(Section):
    """A diode that is not trained.

    from_: node of the anode. to: node of the cathode. part: name of the diode. count: number of diodes in parallel.
    """

    from_: str = Field(alias="from")
    to: str
    part: str
    count: Count = 1


class Netlist(Section):
    """A SPICE netlist, the names of its trained resistors, and the names of parts that are not on the board."""

    file: str
    edges: Annotated[list[str], Field(min_length=1)] | None = None
    leave_out: list[str] = []


class Options(Section):
    """The keys of a resistive network: one builder, and additional fixed parts."""

    layered: Layered | None = None
    grid: Grid | None = None
    edges: Annotated[list[str], Field(min_length=1)] | None = None
    netlist: Netlist | None = None
    resistors: list[FixedResistor] = []
    diodes: list[FixedDiode] = []

    @model_validator(mode="after")
    def _one_builder(self) -> Self:
        exactly_one(self, ("layered", "grid", "edges", "netlist"))
        return self


class Resistive(Physics):
    """Networks of resistors and diodes. Nodes have voltages; an edge of conductance θ carries the current θ·u."""

    Options = Options
    files = (("netlist", "file"),)

    @classmethod
    def build(cls, options: Options, report: Report) -> Layout | None:
        """Build the nodes and elements, without sources. Return None if problems were reported."""
        return _Builder(options, report).layout()

    @classmethod
    @override
    def wiring_problems(
        cls, network: Graph, wired: Collection[str], inputs: Collection[str], outputs: Sequence[str]
    ) -> Iterable[WiringProblem]:
        return wiring_problems(network, wired, inputs, outputs)


class _Builder:
    """Builds a layout, and remembers whether it found problems."""

    def __init__(self, options: Options, report: Report) -> None:
        self._options = options
        self._report_to = report
        self._sound = True

    def layout(self) -> Layout | None:
        """Return the whole network, or None if there were problems."""
        options, base = self._options, self._base()
        nodes = None if base is None or options.edges is not None else {*base.nodes, GROUND}
        resistors = [
            Resistor(f"resistor{k}", item.from_, item.to, item.value)
            for k, item in enumerate(options.resistors)
            if self._joins_two_nodes(("resistors", k), item, nodes)
        ]
        diodes = [
            Diode(f"diode{k}", item.from_, item.to, model, item.count)
            for k, item in enumerate(options.diodes)
            if self._joins_two_nodes(("diodes", k), item, nodes)
            if (model := self._diode(item.part, ("diodes", k, "part"))) is not None
        ]
        if base is None or not self._sound:
            return None
        if options.edges is not None:
            return from_edges(base.edges, resistors, diodes)
        return replace(base, resistors=base.resistors + tuple(resistors), diodes=base.diodes + tuple(diodes))

    def _base(self) -> Layout | None:
        """Return the network of the chosen builder, without fixed resistors and diodes."""
        options = self._options
        if options.grid:
            rows, columns = options.grid.rows, options.grid.columns
            count = rows * (columns - 1) + columns * (rows - 1)
            return grid(rows, columns) if self._few_enough("grid", count) else None
        if options.edges is not None:
            return self._from_list(options.edges)
        if options.netlist is not None:
            return self._from_netlist(options.netlist)
        assert options.layered is not None
        hidden = [
            HiddenLayer(layer.nodes) if layer.shunt is None else HiddenLayer(layer.nodes, model, layer.shunt.pairs)
            for k, layer in enumerate(options.layered.hidden)
            for path in [("layered", "hidden", k, "shunt", "diodes")]
            for model in [self._diode(layer.shunt.diodes, path) if layer.shunt else None]
        ]
        sizes = [options.layered.inputs, *(layer.nodes for layer in hidden), options.layered.outputs]
        count = sum(near * far for near, far in pairwise(sizes))
        if not self._few_enough("layered", count):
            return None
        return layered(options.layered.inputs, options.layered.outputs, hidden)

    def _few_enough(self, builder: str, count: int) -> bool:
        if count > MOST_EDGES:
            self._report((builder,), f"{count} programmable edges are too many; use at most {MOST_EDGES}")
        return count <= MOST_EDGES

    def _from_netlist(self, netlist: Netlist) -> Layout | None:
        def report(key: str, message: str) -> None:
            self._report(("netlist", key), message)

        try:
            return board_of(Path(netlist.file), netlist.edges, netlist.leave_out, report)
        except NetlistError as error:
            self._report(("netlist", "file"), str(error))
            return None

    def _from_list(self, edges: Sequence[str]) -> Layout | None:
        seen: set[str] = set()
        sound = True
        for k, text in enumerate(edges):
            try:
                (edge,) = from_edges([text]).edges
                from_edges([edge]).with_sources(())
            except NetworkError as error:
                self._report(("edges", k), str(error))
                sound = False
                continue
            if edge.name in seen:
                message = f"edge {edge.name!r} appears twice; for two edges in parallel, swap the ends of one of them"
                self._report(("edges", k), message)
                sound = False
            seen.add(edge.name)
        return from_edges(edges) if sound else None

    def _joins_two_nodes(self, path: Key, item: FixedResistor | FixedDiode, nodes: set[str] | None) -> bool:
        """Return whether an element connects two different nodes; `nodes` is None if any name is allowed."""
        sound = True
        for key, node in (("from", item.from_), ("to", item.to)):
            if nodes is not None and node not in nodes:
                close = difflib.get_close_matches(node, nodes, 1, 0.6)
                hint = ground_hint(node) or (f"; did you mean {close[0]!r}?" if close else "")
                self._report((*path, key), f"the network has no node {as_written(node)}{hint}")
                sound = False
        if item.from_ == item.to:
            self._report((*path, "to"), f"both ends are on {item.to!r}; connect two different nodes")
            sound = False
        return sound

    def _diode(self, part: str, path: Key) -> DiodeModel | None:
        model = DIODES.get(part)
        if model is None:
            close = difflib.get_close_matches(part, DIODES, 1, 0.4)
            hint = f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(DIODES)}"
            self._report(path, f"{as_written(part)} is not a known diode; {hint}")
        return model

    def _report(self, path: Key, message: str) -> None:
        self._sound = False
        self._report_to(path, message)
