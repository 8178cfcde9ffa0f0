"""The `network` and `wiring` sections: a layout, and which channel is soldered to which node and edge."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labrig.assembly.devices import Device
from labrig.config.document import Document
from labrig.config.faults import TreePath as Path
from labrig.config.sections import Network, NodeWiring
from labrig.config.validation import validate
from labrig.config.wiring import expand_range
from labrig.instruments.drivers import Kind, ProgrammerCapabilities, SourceCapabilities
from labrig.network.builders import HiddenLayer, Layout, from_edges, grid, layered
from labrig.network.diodes import DIODES, DiodeModel
from labrig.network.graph import GROUND, Diode, Graph, NetworkError, Resistor, Source
from labrig.rig.hookup import EdgeWire, Hookup, SenseWire, SourceWire

PILOT = "pilot"


@dataclass(frozen=True)
class Board:
    """A network and its wiring. `graph` includes the sources and the pilot's node."""

    graph: Graph
    hookup: Hookup


def read_layout(document: Document, network: Network) -> Layout | None:
    """The nodes and elements of a `network` section, before any source."""
    found = len(document.faults)
    resistors = tuple(
        Resistor(f"resistor{k}", item.from_, item.to, item.value) for k, item in enumerate(network.resistors)
    )
    diodes = [
        (item, _diode(document, item.part, ("network", "diodes", k, "part"))) for k, item in enumerate(network.diodes)
    ]
    hidden = [
        HiddenLayer(
            layer.nodes,
            _diode(document, layer.shunt.diodes, ("network", "layered", "hidden", k, "shunt", "diodes")),
            layer.shunt.pairs,
        )
        if layer.shunt
        else HiddenLayer(layer.nodes)
        for k, layer in enumerate(network.layered.hidden if network.layered else [])
    ]
    if len(document.faults) > found:
        return None
    extra = tuple(
        Diode(f"diode{k}", item.from_, item.to, model, item.count)
        for k, (item, model) in enumerate(diodes)
        if model is not None
    )
    builder = "layered" if network.layered else "grid" if network.grid else "edges"
    try:
        if network.layered:
            layout = layered(network.layered.inputs, network.layered.outputs, hidden)
        elif network.grid:
            layout = grid(network.grid.rows, network.grid.columns)
        else:
            return _checked(from_edges(network.edges or [], resistors, extra))
        return _checked(Layout(layout.nodes, layout.edges, layout.resistors + resistors, layout.diodes + extra))
    except NetworkError as error:
        document.faults.add(document.mark_of(("network", builder)), ("network", builder), str(error))
        return None


def _checked(layout: Layout) -> Layout:
    layout.with_sources(())
    return layout


def _diode(document: Document, part: str, path: Path) -> DiodeModel | None:
    model = DIODES.get(part)
    if model is None:
        close = difflib.get_close_matches(part, DIODES, 1, 0.4)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(DIODES)}"
        document.faults.add(document.mark_of(path), path, f"{part!r} is not a known diode; {hint}")
    return model


def read_board(
    document: Document, layout: Layout, devices: Mapping[str, Device], faulty: frozenset[str], ordered: bool
) -> Board | None:
    """Check the wiring against network and instruments, and make it a graph and a hookup; None where it has faults.

    ordered: inputs and outputs count by node number (layered networks) instead of in the order of their rows.
    """
    reader = _WiringReader(document, layout, devices, faulty)
    rows = reader.rows()
    edges = reader.edges()
    if reader.faults_found:
        return None
    if ordered:
        position = {node: k for k, node in enumerate((*layout.nodes, PILOT))}
        rows = dict(sorted(rows.items(), key=lambda item: position[item[0]]))
    inputs, outputs, sources = [], [], []
    for node, row in rows.items():
        label = row.drive or row.error
        if label is None:
            continue
        device, _, channel = label.partition("/")
        able = devices[device].capabilities
        assert isinstance(able, SourceCapabilities)
        wire = SourceWire(node, device, channel, row.through or able.output_resistance_ohm)
        sources.append(Source(node, wire.ohm))
        if node != PILOT:
            (inputs if row.drive else outputs).append(wire)
        else:
            pilot = wire
    graph = Graph((*layout.nodes, PILOT), layout.edges, layout.resistors, layout.diodes, tuple(sources))
    try:
        graph.check()
    except NetworkError as error:
        document.faults.add(document.key_mark_of(("wiring",)), ("wiring",), str(error))
        return None
    rails = _rails(edges, devices)
    senses = tuple(
        SenseWire(node, row.sense.partition("/")[2], *rails.get(node, ())) for node, row in rows.items() if row.sense
    )
    (digitizer,) = {row.sense.partition("/")[0] for row in rows.values() if row.sense}
    return Board(graph, Hookup(digitizer, tuple(inputs), tuple(outputs), pilot, senses, tuple(edges)))


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


class _WiringReader:
    """Reads the rows of the wiring; notes every fault with its mark."""

    def __init__(
        self, document: Document, layout: Layout, devices: Mapping[str, Device], faulty: frozenset[str]
    ) -> None:
        self._document = document
        self._layout = layout
        self._devices = devices
        self._faulty = faulty
        self._used: dict[str, str] = {}
        self._before = len(document.faults)
        self._skipped = bool(faulty)
        section = document.get(("wiring",))
        self._section: dict[str, Any] = section.value if section and isinstance(section.value, dict) else {}

    @property
    def faults_found(self) -> bool:
        """Something is wrong, here or in an instrument the wiring names."""
        return self._skipped or len(self._document.faults) > self._before

    def rows(self) -> dict[str, NodeWiring]:
        rows = {}
        for node in self._section:
            if node == "edges":
                continue
            path = ("wiring", node)
            if node not in self._layout.nodes and node != PILOT:
                close = difflib.get_close_matches(node, self._layout.nodes, 1, 0.5)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                self._fault(path, f"the network has no node {node!r}{hint}", key=True)
                continue
            row = validate(self._document, path, NodeWiring)
            if row is None:
                continue
            rows[node] = row
            self._check_row(node, row)
        self._check_nodes(rows)
        return rows

    def edges(self) -> list[EdgeWire]:
        entry = self._document.get(("wiring", "edges"))
        path = ("wiring", "edges")
        wanted = self._layout.edges
        if entry is None:
            self._fault(("wiring",), "missing required key 'edges': which channel programs which edge", key=True)
            return []
        labels = self._edge_labels(entry, path)
        if labels is None:
            return []
        if len(labels) != len(wanted):
            count = f"{len(labels)} channels for {len(wanted)} edges"
            self._fault(path, f"{count} ({wanted[0].name} … {wanted[-1].name})")
            return []
        wires = []
        for edge, label in zip(wanted, labels, strict=True):
            if self._channel(path, label, "programmer"):
                device, _, channel = label.partition("/")
                wires.append(EdgeWire(edge.name, edge.a, edge.b, device, channel))
        return wires

    def _edge_labels(self, entry: Any, path: Path) -> list[str] | None:
        """One channel per edge, in the order of the edges."""
        items = entry.value if isinstance(entry.value, list) else [entry]
        texts = [item.value for item in items]
        if not all(isinstance(text, str) for text in texts):
            self._fault(path, "expected a range of channels such as 'pots/0..29', a list of them, or a CSV file")
            return None
        if len(texts) == 1 and texts[0].endswith(".csv"):
            return self._edge_table(texts[0], entry, path)
        try:
            return [label for text in texts for label in expand_range(text)]
        except ValueError as error:
            self._fault(path, str(error))
            return None

    def _edge_table(self, name: str, entry: Any, path: Path) -> list[str] | None:
        """A CSV with the columns edge and pot."""
        file = self._document.locate(name, entry)
        if file is None:
            self._fault(path, f"there is no file {name!r} beside the configuration or among the packaged ones")
            return None
        try:
            table = csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig")))
            if table.fieldnames is None or not {"edge", "pot"} <= set(table.fieldnames):
                self._fault(path, f"{name} needs the columns edge and pot")
                return None
            found = {row["edge"].strip(): row["pot"].strip() for row in table if row["edge"] and row["pot"]}
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            self._fault(path, f"cannot read {name}: {error}")
            return None
        names = [edge.name for edge in self._layout.edges]
        missing = [edge for edge in names if edge not in found]
        unknown = [edge for edge in found if edge not in names]
        if missing or unknown:
            problem = f"names no channel for {missing[0]}" if missing else f"names an unknown edge {unknown[0]!r}"
            self._fault(path, f"{name} {problem}")
            return None
        return [found[edge] for edge in names]

    def _check_row(self, node: str, row: NodeWiring) -> None:
        path = ("wiring", node)
        if row.drive and row.error:
            self._fault((*path, "error"), f"node {node} is driven and injected at once; keep one of them")
        if row.through is not None and not (row.drive or row.error):
            self._fault((*path, "through"), "through belongs to a node with drive or error")
        if row.drive:
            self._channel((*path, "drive"), row.drive, "source")
        if row.error:
            self._channel((*path, "error"), row.error, "source")
        if row.sense:
            self._channel((*path, "sense"), row.sense, "digitizer")
        if node == PILOT and not (row.drive and row.sense):
            self._fault(
                path, "the pilot needs both drive and sense: it is what every phase is measured against", key=True
            )

    def _check_nodes(self, rows: Mapping[str, NodeWiring]) -> None:
        """What the wiring as a whole must have. Said only where the rows themselves are sound."""
        if self.faults_found:
            return
        if PILOT not in rows:
            self._fault(("wiring",), "no pilot: wire one, e.g. 'pilot: {drive: awg/13, sense: daq/13}'", key=True)
        on_edges = dict.fromkeys(node for edge in self._layout.edges for node in (edge.a, edge.b) if node != GROUND)
        blind = [node for node in on_edges if node not in rows or not rows[node].sense]
        if blind:
            where = f"{', '.join(blind[:6])}{' …' if len(blind) > 6 else ''}"
            channels = [
                f"{device.name} has {len(device.capabilities.channels)} channels"
                for device in self._devices.values()
                if device.driver.kind == "digitizer"
            ]
            self._fault(
                ("wiring",),
                f"{len(blind)} node(s) of programmable edges are not sensed: {where}; every one needs a digitizer "
                f"channel ({len(on_edges)} nodes and the pilot; {', '.join(channels)})",
                key=True,
            )
        digitizers = {row.sense.partition("/")[0] for row in rows.values() if row.sense}
        if len(digitizers) > 1:
            self._fault(
                ("wiring",), f"nodes are sensed by {' and '.join(sorted(digitizers))}; one digitizer must see all"
            )
        for what, given in (
            ("drive", [r.drive for n, r in rows.items() if n != PILOT]),
            ("error", [r.error for r in rows.values()]),
        ):
            if not any(given):
                self._fault(("wiring",), f"no node has {what}: nothing can be trained", key=True)

    def _channel(self, path: Path, label: str, kind: Kind) -> bool:
        """Whether `label` is a free channel of an instrument of this kind."""
        device, slash, channel = label.partition("/")
        if device in self._faulty:
            return False
        found = self._devices.get(device)
        if not slash or found is None:
            close = difflib.get_close_matches(device, self._devices, 1, 0.5)
            hint = f"did you mean {close[0]!r}?" if close else "write instrument/channel, e.g. 'daq/3'"
            self._fault(path, f"{label!r} names no instrument of this file; {hint}")
            return False
        if found.driver.kind != kind:
            self._fault(path, f"{label!r}: {device} is a {found.driver.kind}, expected a {kind}")
            return False
        channels = found.capabilities.channels
        if channel not in channels:
            self._fault(path, f"{label!r}: {device} has {len(channels)} channels, {channels[0]} to {channels[-1]}")
            return False
        # A source channel that feeds two nodes ties them together; a sensed or programmed one is plainly wrong.
        here = ".".join(str(part) for part in path[1:])
        if label in self._used:
            self._fault(path, f"channel {label} is used twice (also by {self._used[label]})")
            return False
        self._used[label] = here
        return True

    def _fault(self, path: Path, message: str, *, key: bool = False) -> None:
        mark = self._document.key_mark_of(path) if key else self._document.mark_of(path)
        self._document.faults.add(mark, path, message)
