"""`simulation.miswired`: the wrong connections of a simulated board."""

from __future__ import annotations

from labrig.assembly.board import Board
from labrig.assembly.sections.header import Header
from labrig.config.document import Document
from labrig.config.problems import TreePath
from labrig.extensions import UnknownExtension
from labrig.network.resistive.graph import Graph
from labrig.quantities import as_written
from labrig.rig.hookup import Hookup
from labrig.simulation.section import MISWIRINGS, Miswiring, Places, SimulationChoice


def places(hookup: Hookup) -> Places:
    """Return the nodes and edges that miswirings of a board may name."""
    return Places(
        sensed=tuple(wire.node for wire in hookup.senses),
        inputs=tuple(wire.node for wire in hookup.inputs),
        outputs=tuple(wire.node for wire in hookup.outputs),
        edges=tuple(wire.name for wire in hookup.edges),
        pilot=hookup.pilot.node,
    )


def read_miswired(
    document: Document, simulation: SimulationChoice, header: Header, board: Board
) -> tuple[Miswiring, ...] | None:
    """Return the miswirings of the simulated board, in order; None if there are problems."""
    entries = simulation.section.miswired
    section: TreePath = ("simulation", "miswired")
    if entries and header.bench == "hardware":
        document.report(section, "'bench: hardware' has a real board; remove the miswirings, or write 'bench: wire'")
        return None
    if entries and not isinstance(board.network, Graph):
        document.report(section, "only boards of resistors and diodes can be miswired; remove the miswirings")
        return None
    read = [_read(document, (*section, number), entry, places(board.hookup)) for number, entry in enumerate(entries)]
    known = tuple(each for each in read if each is not None)
    return known if len(known) == len(entries) else None


def _read(document: Document, path: TreePath, entry: dict[str, object], there: Places) -> Miswiring | None:
    if len(entry) != 1:
        document.report(path, f"write one miswiring in each entry, e.g. {{swap: [in0, in1]}}, got {as_written(entry)}")
        return None
    ((key, written),) = entry.items()
    try:
        kind = MISWIRINGS.find(key)
    except UnknownExtension as error:
        document.report((*path, key), str(error), at_key=True)
        return None
    try:
        return kind.read(written, there.of(kind.at))
    except ValueError as error:
        document.report((*path, key), str(error))
        return None
