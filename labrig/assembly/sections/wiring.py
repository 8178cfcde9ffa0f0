"""The `wiring` section: one row per node, and the channels that program the edges."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from labrig.assembly.board import Board
from labrig.assembly.sections.acquisition import Acquisition
from labrig.assembly.sections.edge_channels import edge_labels, per_siemens
from labrig.assembly.sections.instruments import Device, faulty
from labrig.assembly.sections.network import EDGES, PILOT, NetworkChoice
from labrig.assembly.sections.transducers import check_transducers
from labrig.assembly.sections.wires import rails_of, source_wire
from labrig.assembly.sections.wiring_row import HowlandSource, NodeWires, NodeWiring, wires_of
from labrig.config.document import Document
from labrig.config.marked import Marked
from labrig.config.problems import Mark, TreePath
from labrig.config.validation import validate
from labrig.config.wiring import colon_hint, in_words
from labrig.instruments.drivers import Kind
from labrig.instruments.multiplexer import LEAD_F, Lead
from labrig.network.physics import (
    ExplainsMissing,
    HasCurvedDrops,
    HasSecondQuantity,
    KnowsFixedLoad,
    Layout,
    Network,
    NetworkError,
    Source,
    ground_hint,
)
from labrig.quantities import (
    as_written,
    format_quantity,
)
from labrig.rig.hookup import EdgeWire, Hookup, SenseWire

ANY_VOLTAGE = (-np.inf, np.inf)


def is_written(document: Document, expanded: Document) -> bool | None:
    """Return True if instruments and wiring are maps; else None, and the check of the header reports the problem.

    `expanded` is the document with a row for each node of a pattern.
    """
    there = (document.get((name,)) for name in ("instruments", "wiring"))
    return True if all(section is not None and isinstance(section.value, dict) for section in there) else None


def read_board(
    document: Document,
    network: NetworkChoice,
    layout: Layout,
    devices: Mapping[str, Device],
    wiring_written: bool,
    acquisition: Acquisition | None = None,
) -> Board | None:
    """Check the wiring against network and instruments, and build the board; return None if it has problems.

    If the layout's nodes are numbered, inputs and outputs follow their order; otherwise they follow the rows of
    `wiring`.
    """
    reader = WiringReader(document, layout, devices, faulty(document, devices))
    rows = reader.rows()
    edges = reader.edges()
    if reader.problems_found:
        return None
    if layout.numbered:
        position = {node: k for k, node in enumerate((*layout.nodes, PILOT))}
        rows = dict(sorted(rows.items(), key=lambda item: position[item[0]]))
    second = layout.second if isinstance(layout, HasSecondQuantity) else {}
    released = {other: node for node, other in second.items()}
    inputs, outputs, pilots, sources = [], [], [], []
    for node, row in rows.items():
        label = row.drive or row.error
        if label is None:
            continue
        device, _, channel = label.partition("/")
        wire = replace(source_wire(node, row, device, channel, devices[device].source), safe_v=row.safe)
        sources.append(Source(node, wire.ohm, wire.transconductance_s))
        if row.error and node in released:
            wire = replace(wire, reads=released[node])
        (pilots if node == PILOT else inputs if row.drive else outputs).append(wire)
    wired = layout.with_sources(sources, (PILOT,))
    if not _is_sound(document, network, wired, rows):
        return None
    try:
        wired.check()
    except NetworkError as error:
        first = ("wiring", *wired.undetermined_nodes()[:1])
        path = first if first[-1] in rows else ("wiring",)
        document.report(path, at_key=True, message=str(error))
        return None
    if isinstance(wired, KnowsFixedLoad):
        inputs = [replace(wire, load_s=wired.fixed_load(wire.node)) for wire in inputs]
    rails = rails_of(edges, devices)
    for wire in outputs:
        if wire.howland is not None:
            low, high = rails.get(wire.node, (-np.inf, np.inf))
            compliance = wire.howland.compliance_v
            rails[wire.node] = max(low, -compliance), min(high, compliance)
    cable_f = LEAD_F if acquisition is None else acquisition.cable
    senses = tuple(
        SenseWire(
            node,
            row.sense.partition("/")[2],
            *rails.get(node, ANY_VOLTAGE),
            Lead(row.cable or cable_f, row.buffer),
            row.sensor,
        )
        for node, row in rows.items()
        if row.sense
    )
    (digitizer,) = {row.sense.partition("/")[0] for row in rows.values() if row.sense}
    curve = layout.curve if isinstance(layout, HasCurvedDrops) else None
    return Board(wired, Hookup(digitizer, tuple(inputs), tuple(outputs), pilots[0], senses, tuple(edges), curve))


def _is_sound(document: Document, choice: NetworkChoice, network: Network, rows: Mapping[str, NodeWires]) -> bool:
    """Report the problems that the physics finds with the wired network; return whether the network can be used."""
    inputs = [node for node, row in rows.items() if row.drive and node != PILOT]
    outputs = [node for node, row in rows.items() if row.error]
    before = len(document.problems)
    for found in choice.physics.wiring_problems(network, frozenset(rows), inputs, outputs):
        if found.warning:
            document.warn(found.path, found.message)
        else:
            document.report(found.path, found.message, at_key=found.path[0] == "wiring")
    return len(document.problems) == before


class WiringReader:
    """Reads the rows of the wiring and reports every problem.

    Each mistake is reported once: all nodes of a range have the same place in the text, and a row is not checked
    further once a problem is reported there.
    """

    def __init__(
        self, document: Document, layout: Layout, devices: Mapping[str, Device], invalid: frozenset[str]
    ) -> None:
        self._document = document
        self._layout = layout
        self._devices = devices
        self._invalid = invalid
        self._used: dict[str, str] = {}
        self._channels: dict[str, frozenset[str]] = {}  # a bank may have thousands
        self._unknown: set[str] = set()
        self._skipped = bool(invalid)
        self._second = frozenset(layout.second.values()) if isinstance(layout, HasSecondQuantity) else frozenset()
        self._points = {node[: node.rindex(".") + 1] for node in layout.nodes if "." in node}
        section = document.get(("wiring",))
        self._section: dict[str, Marked] = section.value if section and isinstance(section.value, dict) else {}

    @property
    def problems_found(self) -> bool:
        """Whether there is a problem in the wiring or in an instrument that it names."""
        return self._skipped or bool(self._document.problems.under(("wiring",)))

    def rows(self) -> dict[str, NodeWires]:
        """Return the valid rows by node; a row of a node with coordinates becomes one row for each coordinate."""
        rows: dict[str, NodeWires] = {}
        for node, written in self._section.items():
            if node == EDGES or self._has_problem(written):
                continue
            path = ("wiring", node)
            coordinates = f"{node}." if isinstance(node, str) else ""
            if node not in self._layout.nodes and node != PILOT and coordinates not in self._points:
                nodes = self._layout.nodes
                close = difflib.get_close_matches(node, nodes, 1, 0.6)
                hint = f"did you mean {close[0]!r}?" if close else f"its nodes are {', '.join(nodes[:12])}"
                more = " …" if not close and len(nodes) > 12 else ""
                why = self._layout.why_missing(node) if isinstance(self._layout, ExplainsMissing) else ""
                message = why or f"the network has no node {as_written(node)}; {hint}{more}"
                self._report(path, message, key=True)
                continue
            row = validate(self._document, path, NodeWiring)
            if row is None:
                continue
            for name, wires in wires_of(node, row):
                if name not in self._layout.nodes and name != PILOT:
                    message = f"the network has no node {as_written(name)}; write the channel of each coordinate"
                    self._report(path, message, key=True)
                    break
                rows[name] = wires
                self._check_row(name, path, wires)
                check_transducers(self._document, name, path, row, wires, is_second=name in self._second)
        self._check_nodes(rows)
        return rows

    def _has_problem(self, row: Marked) -> bool:
        """Return whether a problem is reported at this row or its values, or at another node of the same range."""
        marks = set(_marks_of(row)) - {None}
        return any(problem.mark in marks for problem in self._document.problems.under(("wiring",)))

    def edges(self) -> list[EdgeWire]:
        """Return one wire per programmable edge; if there are problems, fewer."""
        entry = self._document.get(("wiring", EDGES))
        path = ("wiring", EDGES)
        wanted = self._layout.edges
        if entry is None:
            example = "which channel programs which edge, e.g. 'edges: pots/0..29'"
            self._report(path, f"missing required key 'edges': {example}", key=True)
            return []
        labels = edge_labels(self._document, self._layout, entry, path)
        if labels is None:
            return []
        if len(labels) != len(wanted):
            # If the nodes do not match the network, the count is wrong for that reason, which is already reported.
            if not self.problems_found:
                channels = "1 channel" if len(labels) == 1 else f"{len(labels)} channels"
                edges = "1 edge" if len(wanted) == 1 else f"{len(wanted)} edges"
                hint = colon_hint(entry.value) if isinstance(entry.value, str) else ""
                named = wanted[0].name if len(wanted) == 1 else f"{wanted[0].name} … {wanted[-1].name}"
                self._report(path, f"{channels} for {edges} ({named}){hint}")
            return []
        wires = []
        wrong: set[TreePath] = set()
        factor = per_siemens(self._document, path)
        for edge, (place, label, at) in zip(wanted, labels, strict=True):
            if place in wrong:
                continue
            if not self._channel(place, label, "programmer", at):
                wrong.add(place)
                continue
            device, _, channel = label.partition("/")
            wires.append(
                EdgeWire(edge.name, edge.a, edge.b, device, channel, edge.projection, factor, edge.second, edge.slope)
            )
        return wires

    def _check_row(self, node: str, path: TreePath, row: NodeWires) -> None:
        found = len(self._document.problems)
        if row.drive and row.error:
            self._report((*path, "error"), f"node {node} has both drive and error; keep one of them")
            return
        if row.through is not None and not (row.drive or row.error):
            self._report(
                (*path, "through"), "'through' is the resistance of a drive or an error, but this node has neither"
            )
        elif row.buffer is not None and not row.sense:
            self._report(
                (*path, "buffer"), "a buffer is between a node and its digitizer channel, but this node has no 'sense'"
            )
        elif row.safe is not None and not (row.drive or row.error):
            message = "'safe' is a level of a drive or an error channel, but this node has neither"
            self._report((*path, "safe"), message)
        elif isinstance(row.through, HowlandSource) and not row.error:
            self._report(
                (*path, "through"),
                f"a Howland source can only inject an error, but {node} has a drive; write a resistance",
            )
        if row.drive:
            self._channel((*path, "drive"), row.drive, "source")
        if row.error:
            self._channel((*path, "error"), row.error, "source")
        if row.sense:
            self._channel((*path, "sense"), row.sense, "digitizer")
        label = row.drive or row.error
        if row.safe is not None and label and len(self._document.problems) == found:
            self._check_safe((*path, "safe"), row.safe, label)
        if node == PILOT and not (row.drive and row.sense) and len(self._document.problems) == found:
            self._report(
                path,
                "the pilot needs both drive and sense: every phase is measured relative to it",
                key=True,
            )
        elif row.error and not row.sense:
            self._report(path, f"node {node} has an error, so it is an output and must be sensed", key=True)

    def _check_safe(self, path: TreePath, level: float, label: str) -> None:
        """Report a safe level that a channel cannot hold."""
        device = self._devices[label.partition("/")[0]]
        if not device.source.holds_levels:
            self._report(
                path,
                f"{device.driver.name} can only switch {label} off; drive this node by a source that can hold a level "
                "(ni.ao, or a card), or bias the node through a resistor",
            )
        elif abs(level) > device.source.full_scale_v:
            limit = format_quantity(device.source.full_scale_v, "voltage")
            self._report(path, f"{label} cannot hold {format_quantity(level, 'voltage')}: its full scale is {limit}")

    def _check_nodes(self, rows: Mapping[str, NodeWires]) -> None:
        """Check the wiring as a whole if all rows are valid."""
        if self.problems_found:
            return
        if PILOT not in rows:
            message = "there is no pilot; wire one, e.g. 'pilot: {drive: awg/13, sense: daq/13}'"
            self._report(("wiring",), message, key=True)
            return
        on_edges = dict.fromkeys(node for edge in self._layout.edges for node, _ in (*edge.terms, *edge.second))
        unsensed = [node for node in on_edges if node not in rows or not rows[node].sense]
        if unsensed:
            count, is_or_are = ("1 node", "is") if len(unsensed) == 1 else (f"{len(unsensed)} nodes", "are")
            where = f"{', '.join(unsensed[:6])}{' …' if len(unsensed) > 6 else ''}{''.join(map(ground_hint, unsensed))}"
            channels = [
                f"{device.name} has {len(device.capabilities.channels)} channels"
                for device in self._devices.values()
                if device.driver.kind == "digitizer"
            ]
            self._report(
                ("wiring",),
                f"{count} of programmable edges {is_or_are} not sensed: {where}; each node needs a digitizer channel "
                f"({len(on_edges)} nodes and the pilot; {', '.join(channels)})",
                key=True,
            )
        digitizers = {row.sense.partition("/")[0] for row in rows.values() if row.sense}
        if len(digitizers) > 1:
            self._report(
                ("wiring",),
                f"nodes are sensed by {' and '.join(sorted(digitizers))}; one digitizer must sense them all",
                key=True,
            )
        for what, given, row in (
            ("drive", [r.drive for n, r in rows.items() if n != PILOT], "in0: {drive: awg/0, sense: daq/0}"),
            ("error", [r.error for r in rows.values()], "out0: {error: awg/10, through: 100 kΩ, sense: daq/10}"),
        ):
            if not any(given) and not unsensed:
                example = f"e.g. '{row}'"
                self._report(("wiring",), f"no node has {what}: nothing can be trained; {example}", key=True)

    def _channel(self, path: TreePath, label: str, kind: Kind, at: str = "") -> bool:
        """Return whether `label` is an unused channel of an instrument of this kind; report it if not.

        `at` is its place in a CSV file, for the message.
        """
        problem = self._channel_problem(path, label, kind)
        if problem:
            self._report(path, f"{at}: {problem}" if at else problem)
        return problem is None

    def _channel_problem(self, path: TreePath, label: str, kind: Kind) -> str | None:
        """Return the problem of a channel ("" if it is already reported), or None and mark the channel as used."""
        device, slash, channel = label.partition("/")
        if device in self._invalid:
            return ""
        found = self._devices.get(device)
        if not slash:
            return f"{as_written(label)} is not a channel; write instrument/channel, e.g. 'daq/3'"
        if found is None:
            self._skipped = True
            if device in self._unknown:
                return ""
            self._unknown.add(device)
            known = [name for name, one in self._devices.items() if one.driver.kind == kind]
            close = difflib.get_close_matches(device, known, 1, 0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"{kind}s in this file: {', '.join(known) or 'none'}"
            return f"{as_written(label)} names an unknown instrument; {hint}"
        if found.driver.kind != kind:
            return f"{label!r}: {device} is a {found.driver.kind}, expected a {kind}"
        channels = found.capabilities.channels
        if device not in self._channels:
            self._channels[device] = frozenset(channels)
        if channel not in self._channels[device]:
            count = "1 channel" if len(channels) == 1 else f"{len(channels)} channels"
            same = _same_channel(channel, channels)
            hint = colon_hint(label) or (f"; write {device}/{same}" if same else "")
            return f"{as_written(label)}: {device} has {count}, {in_words(channels)}{hint}"
        # A source channel that feeds two nodes shorts them; sensing or programming twice is a mistake too.
        if label in self._used:
            return f"channel {label} is used twice (also by {self._used[label]})"
        self._used[label] = ".".join(str(part) for part in path[1:])
        return None

    def _report(self, path: TreePath, message: str, *, key: bool = False) -> None:
        self._document.report(path, message, at_key=key)


def _same_channel(name: str, channels: Sequence[str]) -> str | None:
    """Return the channel that `name` probably means, the only one with its number (`C1` or `CH1` for `1`), or None."""
    number = re.search(r"[0-9]+$", name)
    same = [each for each in channels if number and re.sub(r"^[^0-9]*", "", each) == number[0]]
    return same[0] if len(same) == 1 else None


def _marks_of(written: Marked) -> Iterator[Mark | None]:
    """Yield the marks of a value and of everything in it."""
    yield written.mark
    yield written.key_mark
    for value in written.value.values() if isinstance(written.value, dict) else ():
        yield from _marks_of(value)
