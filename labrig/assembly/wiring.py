"""The `wiring` section: one row per node, and the channels that program the edges."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator, Mapping

from labrig.assembly.devices import Device
from labrig.assembly.layout import EDGES, PILOT
from labrig.config.document import Document
from labrig.config.faults import Mark, TreePath
from labrig.config.marked import Marked
from labrig.config.sections import Howland, NodeWiring
from labrig.config.validation import validate
from labrig.config.wiring import expand_range, in_words
from labrig.instruments.drivers import Kind
from labrig.network.builders import Layout
from labrig.network.graph import GROUND
from labrig.quantities import as_written
from labrig.rig.hookup import EdgeWire


class WiringReader:
    """Reads the rows of the wiring; notes every fault with its mark.

    One mistake is reported once: nodes of one range stand at one place of the text, and a row at fault is left alone
    after its first fault, so that the others of its range stay silent.
    """

    def __init__(
        self, document: Document, layout: Layout, devices: Mapping[str, Device], faulty: frozenset[str]
    ) -> None:
        self._document = document
        self._layout = layout
        self._devices = devices
        self._faulty = faulty
        self._used: dict[str, str] = {}
        self._unknown: set[str] = set()
        self._skipped = bool(faulty)
        section = document.get(("wiring",))
        self._section: dict[str, Marked] = section.value if section and isinstance(section.value, dict) else {}

    @property
    def faults_found(self) -> bool:
        """Something is wrong, here or in an instrument the wiring names."""
        return self._skipped or bool(self._document.faults.under(("wiring",)))

    def rows(self) -> dict[str, NodeWiring]:
        """The sound rows by node."""
        rows = {}
        for node, written in self._section.items():
            if node == EDGES or self._at_fault(written):
                continue
            path = ("wiring", node)
            if node not in self._layout.nodes and node != PILOT:
                nodes = self._layout.nodes
                close = difflib.get_close_matches(node, nodes, 1, 0.6)
                hint = f"did you mean {close[0]!r}?" if close else f"its nodes are {', '.join(nodes[:12])}"
                more = " …" if not close and len(nodes) > 12 else ""
                self._fault(path, f"the network has no node {as_written(node)}; {hint}{more}", key=True)
                continue
            row = validate(self._document, path, NodeWiring)
            if row is None:
                continue
            rows[node] = row
            self._check_row(node, row)
        self._check_nodes(rows)
        return rows

    def _at_fault(self, row: Marked) -> bool:
        """Whether a fault stands at this row or at one of its values, noted for another node of its range perhaps."""
        marks = set(_marks(row)) - {None}
        return any(fault.mark in marks for fault in self._document.faults.under(("wiring",)))

    def edges(self) -> list[EdgeWire]:
        """One wire per programmable edge, or as many as are sound."""
        entry = self._document.get(("wiring", EDGES))
        path = ("wiring", EDGES)
        wanted = self._layout.edges
        if entry is None:
            example = "which channel programs which edge, e.g. 'edges: pots/0..29'"
            self._fault(path, f"missing required key 'edges': {example}", key=True)
            return []
        labels = self._edge_labels(entry, path)
        if labels is None:
            return []
        if len(labels) != len(wanted):
            # With nodes that do not agree with the network the network is what is wrong, and that has been said.
            if not self.faults_found:
                channels = "1 channel" if len(labels) == 1 else f"{len(labels)} channels"
                edges = "1 edge" if len(wanted) == 1 else f"{len(wanted)} edges"
                named = wanted[0].name if len(wanted) == 1 else f"{wanted[0].name} … {wanted[-1].name}"
                self._fault(path, f"{channels} for {edges} ({named})")
            return []
        wires = []
        wrong: set[TreePath] = set()
        for edge, (place, label) in zip(wanted, labels, strict=True):
            if place in wrong:
                continue
            if not self._channel(place, label, "programmer"):
                wrong.add(place)
                continue
            device, _, channel = label.partition("/")
            wires.append(EdgeWire(edge.name, edge.a, edge.b, device, channel))
        return wires

    def _edge_labels(self, entry: Marked, path: TreePath) -> list[tuple[TreePath, str]] | None:
        """One channel per edge, in the order of the edges, each with the place it was written at."""
        places = {path: entry}
        if isinstance(entry.value, list):
            places = {(*path, k): item for k, item in enumerate(entry.value)}
        labels: list[tuple[TreePath, str]] = []
        for place, item in places.items():
            text = item.value
            if not isinstance(text, str):
                wanted = "a range of channels such as 'pots/0..29', a list of them, or a CSV file"
                self._fault(place, f"expected {wanted}, got {as_written(text)}")
                return None
            if len(places) == 1 and text.strip().endswith(".csv"):
                table = self._edge_table(text.strip(), item, place)
                return None if table is None else [(place, label) for label in table]
            try:
                labels += [(place, label) for label in expand_range(text)]
            except ValueError as error:
                self._fault(place, str(error))
                return None
        return labels

    def _edge_table(self, name: str, entry: Marked, path: TreePath) -> list[str] | None:
        """A CSV with the columns edge and pot."""
        file = self._document.locate(name, entry)
        if file is None:
            self._fault(
                path, f"there is no file {as_written(name)} beside the configuration or among the packaged ones"
            )
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
        found = len(self._document.faults)
        if row.drive and row.error:
            self._fault((*path, "error"), f"node {node} has drive and error at once; keep one of them")
            return
        if row.through is not None and not (row.drive or row.error):
            self._fault(
                (*path, "through"), "through is the resistance behind a drive or an error; this node has neither"
            )
        elif isinstance(row.through, Howland) and not row.error:
            self._fault(
                (*path, "through"),
                f"a Howland source injects an error; {node} is driven, and a drive is a voltage: write a resistance",
            )
        if row.drive:
            self._channel((*path, "drive"), row.drive, "source")
        if row.error:
            self._channel((*path, "error"), row.error, "source")
        if row.sense:
            self._channel((*path, "sense"), row.sense, "digitizer")
        if node == PILOT and not (row.drive and row.sense) and len(self._document.faults) == found:
            self._fault(
                path,
                "the pilot needs both drive and sense: it is what every phase is measured against",
                key=True,
            )
        elif row.error and not row.sense:
            self._fault(path, f"node {node} has an error and must be sensed: its voltage is an output", key=True)

    def _check_nodes(self, rows: Mapping[str, NodeWiring]) -> None:
        """What the wiring as a whole must have. Said only where the rows themselves are sound."""
        if self.faults_found:
            return
        if PILOT not in rows:
            self._fault(("wiring",), "no pilot: wire one, e.g. 'pilot: {drive: awg/13, sense: daq/13}'", key=True)
            return
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
                f"{'1 node' if len(blind) == 1 else f'{len(blind)} nodes'} of programmable edges not sensed: {where}; "
                f"every one needs a digitizer channel ({len(on_edges)} nodes and the pilot; {', '.join(channels)})",
                key=True,
            )
        digitizers = {row.sense.partition("/")[0] for row in rows.values() if row.sense}
        if len(digitizers) > 1:
            self._fault(
                ("wiring",),
                f"nodes are sensed by {' and '.join(sorted(digitizers))}; one digitizer must see all",
                key=True,
            )
        for what, given, row in (
            ("drive", [r.drive for n, r in rows.items() if n != PILOT], "in0: {drive: awg/0, sense: daq/0}"),
            ("error", [r.error for r in rows.values()], "out0: {error: awg/10, through: 100 kΩ, sense: daq/10}"),
        ):
            if not any(given) and not blind:
                example = f"e.g. '{row}'"
                self._fault(("wiring",), f"no node has {what}: nothing can be trained; {example}", key=True)

    def _channel(self, path: TreePath, label: str, kind: Kind) -> bool:
        """Whether `label` is a free channel of an instrument of this kind."""
        device, slash, channel = label.partition("/")
        if device in self._faulty:
            return False
        found = self._devices.get(device)
        if not slash:
            self._fault(path, f"{as_written(label)} is no channel; write instrument/channel, e.g. 'daq/3'")
            return False
        if found is None:
            if device not in self._unknown:
                known = [name for name, one in self._devices.items() if one.driver.kind == kind]
                close = difflib.get_close_matches(device, known, 1, 0.5)
                hint = f"did you mean {close[0]!r}?" if close else f"each {kind} here: {', '.join(known) or 'none'}"
                self._fault(path, f"{as_written(label)} names no instrument of this file; {hint}")
            self._unknown.add(device)
            self._skipped = True
            return False
        if found.driver.kind != kind:
            self._fault(path, f"{label!r}: {device} is a {found.driver.kind}, expected a {kind}")
            return False
        channels = found.capabilities.channels
        if channel not in channels:
            count = "1 channel" if len(channels) == 1 else f"{len(channels)} channels"
            self._fault(path, f"{as_written(label)}: {device} has {count}, {in_words(channels)}")
            return False
        # A source channel that feeds two nodes ties them together; a sensed or programmed one is plainly wrong.
        here = ".".join(str(part) for part in path[1:])
        if label in self._used:
            self._fault(path, f"channel {label} is used twice (also by {self._used[label]})")
            return False
        self._used[label] = here
        return True

    def _fault(self, path: TreePath, message: str, *, key: bool = False) -> None:
        mark = self._document.key_mark_of(path) if key else self._document.mark_of(path)
        self._document.faults.add(mark, path, message)


def _marks(written: Marked) -> Iterator[Mark | None]:
    """Where a value and everything in it stands."""
    yield written.mark
    yield written.key_mark
    for value in written.value.values() if isinstance(written.value, dict) else ():
        yield from _marks(value)
