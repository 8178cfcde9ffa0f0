"""Rows of the wiring that name their nodes by a pattern, such as one row for a grid or a layer."""

from __future__ import annotations

from dataclasses import replace

from labrig.config.document import Document
from labrig.config.marked import Marked
from labrig.config.patterns import NodePattern, filled, is_pattern
from labrig.config.problems import TreePath
from labrig.config.wiring import EDGES, RowValues
from labrig.network.physics import Layout
from labrig.quantities import as_written


def expand_patterns(document: Document, layout: Layout) -> Document | None:
    """Return the document with one row for each node that a pattern names, in the order of the network.

    If a node also has its own row, the keys of this row are added to those of the pattern or replace them, and the row
    keeps its place. Patterns that are malformed, name no node, or name a node of another pattern are reported, and None
    is returned.
    """
    section = document.get(("wiring",))
    written = section.value if section is not None and isinstance(section.value, dict) else {}
    if section is None or not any(map(is_pattern, written)):
        return document
    names = [*dict.fromkeys([*layout.nodes, *(node.rpartition(".")[0] for node in layout.nodes if "." in node)])]
    before = len(document.problems)
    rows: dict[str, Marked] = {}
    named: dict[str, str] = {}
    below: dict[str, Marked] = {}
    for key, row in written.items():
        if not is_pattern(key) or key == EDGES:
            rows[key] = row
            continue
        for node, own in _rows_of(document, key, row, names).items():
            if node in named:
                document.report(("wiring", key), f"{as_written(named[node])} also names {node}", at_key=True)
                break
            named[node] = key
            if node in written:
                below[node] = own
            else:
                rows[node] = own
    if len(document.problems) > before:
        return None
    for node, own in below.items():
        over = rows[node]
        if isinstance(own.value, dict) and isinstance(over.value, dict):
            rows[node] = replace(over, value={**own.value, **over.value})
    assert isinstance(document.root.value, dict)
    wiring = replace(section, value=rows)
    return replace(document, root=replace(document.root, value={**document.root.value, "wiring": wiring}))


def _rows_of(document: Document, key: str, row: Marked, names: list[str]) -> dict[str, Marked]:
    """Return a row for each node of a pattern; report problems, and return no rows then."""
    path: TreePath = ("wiring", key)
    try:
        pattern = NodePattern.parsed(key)
    except ValueError as error:
        document.report(path, str(error), at_key=True)
        return {}
    found = {name: values for name in names if (values := pattern.values(name)) is not None}
    if not found:
        more = " …" if len(names) > 12 else ""
        message = f"no node of the network matches {as_written(key)}; the nodes are {', '.join(names[:12])}{more}"
        document.report(path, message, at_key=True)
        return {}
    before = len(document.problems)
    shared = RowValues(row, key, list(found), document.problems)
    rows: dict[str, Marked] = {}
    for position, (node, values) in enumerate(found.items()):
        rows[node] = _filled(document, shared.row_of(position), path, values)
        if len(document.problems) > before:  # the same mistake for every node
            return {}
    return rows


def _filled(document: Document, row: Marked, path: TreePath, values: dict[str, int]) -> Marked:
    """Return a value of a row with its braces replaced by the numbers of a node."""
    if isinstance(row.value, dict):
        return replace(
            row, value={name: _filled(document, each, (*path, name), values) for name, each in row.value.items()}
        )
    if isinstance(row.value, str) and is_pattern(row.value):
        try:
            return replace(row, value=filled(row.value, values))
        except ValueError as error:
            document.problems.add(row.mark, path, str(error))
    return row
