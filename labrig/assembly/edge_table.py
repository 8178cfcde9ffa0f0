"""The CSV of `wiring.edges`: the channel that programs each edge."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from labrig.config.csv_table import Cell, CsvTable, TableError
from labrig.quantities import as_written


def channels_by_edge(table: CsvTable, edges: Collection[str]) -> dict[str, Cell]:
    """Return the channel of every edge in a table with the columns edge and pot; raises TableError for a mistake."""
    at_edge, at_pot = table.position("edge"), table.position("pot")
    found: dict[str, Cell] = {}
    seen: dict[tuple[str, str], str] = {}
    for row in table.rows:
        edge, pot = row[at_edge], row[at_pot]
        if edge.text and edge.text not in edges:
            close = difflib.get_close_matches(edge.text, edges, 1, 0.6)
            reverse = "-".join(reversed(edge.text.split("-")))
            hint = f"; did you mean {close[0]!r}?" if close else ""
            if reverse in edges:
                hint = f"; write it {reverse!r}, as in the network"
            raise TableError(f"{edge.place}: the network has no edge {as_written(edge.text)}{hint}")
        for column, cell in (("edge", edge), ("pot", pot)):
            if not cell.text:
                raise TableError(f"{cell.place}: column {column!r}: the cell is empty")
            first = seen.setdefault((column, cell.text), cell.place)
            if first != cell.place:
                raise TableError(f"{cell.place}: {column} {as_written(cell.text)} appears twice (first at {first})")
        found[edge.text] = pot
    return found
