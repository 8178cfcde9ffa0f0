"""The row `edges` of the `wiring` section: which channel programs which edge, and through which transducer."""

from __future__ import annotations

from labrig.assembly.edge_table import channels_by_edge
from labrig.assembly.sections.wiring_row import EdgeChannels
from labrig.config.csv_table import Cell, TableError, read_csv
from labrig.config.document import Document
from labrig.config.marked import Marked
from labrig.config.problems import TreePath
from labrig.config.validation import validate
from labrig.config.wiring import expand_range
from labrig.medium import ELECTRICAL, medium_in_use
from labrig.network.physics import Layout
from labrig.quantities import as_written, escape_hint
from labrig.transducer import parse_factor


def edge_labels(
    document: Document, layout: Layout, entry: Marked, path: TreePath
) -> list[tuple[TreePath, str, str]] | None:
    """Return one channel per edge, in the order of the edges, each with its path in the configuration.

    Each item is (path, channel, place in a CSV file); the place is empty for a channel written in the configuration.
    """
    if isinstance(entry.value, dict) and "channels" in entry.value:
        path, entry = (*path, "channels"), entry.value["channels"]
    places = {path: entry}
    if isinstance(entry.value, list):
        places = {(*path, k): item for k, item in enumerate(entry.value)}
    labels: list[tuple[TreePath, str, str]] = []
    for place, item in places.items():
        text = item.value
        if not isinstance(text, str):
            wanted = "a range of channels such as 'pots/0..29', a list of them, or a CSV file"
            document.report(place, f"expected {wanted}, got {as_written(text)}")
            return None
        if len(places) == 1 and text.strip().endswith(".csv"):
            table = _edge_table(document, layout, text.strip(), item, place)
            return None if table is None else [(place, cell.text, cell.place) for cell in table]
        try:
            labels += [(place, label, "") for label in expand_range(text)]
        except ValueError as error:
            document.report(place, str(error))
            return None
    return labels


def per_siemens(document: Document, path: TreePath) -> float:
    """Return the edge parameter that the edges' transducer produces per siemens; 1 in an electrical network."""
    entry = document.get(path)
    if entry is not None and isinstance(entry.value, dict):
        given = validate(document, path, EdgeChannels)
        return 1.0 if given is None else parse_factor(given.transducer).value
    medium = medium_in_use()
    if medium != ELECTRICAL:
        example = f"'edges: {{channels: pots/0..29, transducer: 2 {medium.unit('parameter')} per µS}}'"
        document.report(path, f"each edge has a {medium.parameter}: name the transducer, e.g. {example}")
    return 1.0


def _edge_table(document: Document, layout: Layout, name: str, entry: Marked, path: TreePath) -> list[Cell] | None:
    """Read the channels from a CSV file with the columns edge and pot."""
    file = document.locate(name, entry)
    if file is None:
        where = document.searched(entry)
        document.report(path, f"there is no file {as_written(name)} {where}{escape_hint(name)}")
        return None
    try:
        found = channels_by_edge(read_csv(file), {edge.name for edge in layout.edges})
    except TableError as error:
        document.report(path, str(error))
        return None
    names = [edge.name for edge in layout.edges]
    missing = [edge for edge in names if edge not in found]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        document.report(path, f"{name} has no channel for {missing[0]}{more}")
        return None
    return [found[edge] for edge in names]
