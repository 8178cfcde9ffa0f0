"""A netlist as a board: some of its resistors are trained, its other resistors and its diodes are fixed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from pathlib import Path
from string import digits

from labrig.network.physics import GROUND, Edge
from labrig.network.resistive import graph
from labrig.network.resistive.builders import Layout
from labrig.network.resistive.netlist.circuit import GROUND as SPICE_GROUND
from labrig.network.resistive.netlist.circuit import Circuit
from labrig.network.resistive.netlist.reader import read_netlist

MOST_NAMES = 100_000
"""Largest number of names in a range."""

LONGEST_NUMBER = 9
"""Largest number of digits of a number in a range."""

Report = Callable[[str, str], None]
"""Function that reports a problem; it takes the key at fault under `netlist:`, and a message."""


def board_of(file: Path, edges: Sequence[str] | None, left_out: Sequence[str], report: Report) -> Layout | None:
    """Build the layout of a netlist. Return None if problems were reported.

    Parameters
    ----------
    file : Path
        Path of the netlist.
    edges : sequence of str, optional
        Names of the resistors that are trained, such as 'R1' or 'R1..R12', in the order of the edges. All by default.
    left_out : sequence of str
        Names of parts that are not on the board, such as a source that is replaced by an instrument.
    report : callable
        Called with every problem.

    Raises
    ------
    NetlistError
        If the netlist cannot be read.
    """
    expanded = _expanded(left_out)
    circuit = read_netlist(file, {name.lower() for name in expanded})
    resistors = {part.name: part for part in circuit.resistors}
    if _chosen(expanded, circuit.skipped, "leave_out", report) is None:
        return None
    trained = list(resistors)
    if edges is not None:
        chosen = _chosen(_expanded(edges), list(resistors), "edges", report)
        if chosen is None:
            return None
        trained = list(chosen)
    if not trained:
        report("file", f"{file.name} has no resistor, so nothing can be trained")
        return None
    sound = True
    for part in (*circuit.voltages, *circuit.currents, *circuit.capacitors):
        sound = False
        name = part.name.upper()
        if part in circuit.capacitors:
            why = f"is a capacitor, which boards do not support; write 'leave_out: [{name}]' if it does not matter"
        else:
            why = f"is a source; write 'leave_out: [{name}]' if an instrument takes its place in the wiring"
        report("file", f"{name} ({part.place}) {why}")
    if not sound:
        return None
    fixed = [part for part in circuit.resistors if part.name not in trained]
    programmable = tuple(Edge(name.upper(), _node(resistors[name].a), _node(resistors[name].b)) for name in trained)
    diodes = tuple(
        graph.Diode(part.name, _node(part.anode), _node(part.cathode), part.model) for part in circuit.diodes
    )
    kept = tuple(graph.Resistor(part.name, _node(part.a), _node(part.b), part.ohm) for part in fixed)
    nodes = _nodes(circuit, {*trained, *(part.name for part in (*fixed, *diodes))})
    return Layout(nodes, programmable, kept, diodes, shape={"netlist": [len(nodes), len(programmable)]})


def _expanded(written: Sequence[str]) -> list[str]:
    """The names, with ranges such as R1..R12 expanded."""
    return [name for text in written for name in _range(text)]


def _range(text: str) -> list[str]:
    """The names of a range. A text that is not a range, or a range of too many names, is returned unchanged."""
    first, _, last = text.partition("..")
    prefix = first.rstrip(digits)
    low, high = first.removeprefix(prefix), last.removeprefix(prefix)
    if not low or not high or high.strip(digits) or max(len(low), len(high)) > LONGEST_NUMBER:
        return [text]
    numbers = range(int(low), int(high) + 1)
    return [f"{prefix}{number}" for number in numbers] if 0 < len(numbers) <= MOST_NAMES else [text]


def _chosen(wanted: Sequence[str], names: Sequence[str], key: str, report: Report) -> dict[str, None] | None:
    """The names in lower case, in their order. None if a name was reported as unknown or repeated."""
    chosen: dict[str, None] = {}
    for name in wanted:
        if name.lower() not in names:
            close = difflib.get_close_matches(name.lower(), names, 1, 0.6)
            hint = f"; did you mean {close[0].upper()}?" if close else ""
            report(key, f"the netlist has no {'resistor' if key == 'edges' else 'part'} {name}{hint}")
            return None
        if name.lower() in chosen:
            report(key, f"{name} is named twice; name it once")
            return None
        chosen[name.lower()] = None
    return chosen


def _nodes(circuit: Circuit, kept: set[str]) -> tuple[str, ...]:
    """The nodes that the parts of the board touch, in the order of the netlist."""
    ends = [(part.name, part.a, part.b) for part in circuit.resistors]
    ends += [(part.name, part.anode, part.cathode) for part in circuit.diodes]
    touched = {node for name, *pair in ends if name in kept for node in pair}
    return tuple(node for node in circuit.nodes if node in touched)


def _node(name: str) -> str:
    return GROUND if name == SPICE_GROUND else name
