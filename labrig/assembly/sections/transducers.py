"""Whether every channel of a row has the transducer that the medium of the network needs."""

from __future__ import annotations

from labrig.assembly.sections.network import PILOT
from labrig.assembly.sections.wiring_row import NodeWires, NodeWiring
from labrig.config.document import Document
from labrig.config.problems import TreePath
from labrig.medium import ELECTRICAL, medium_in_use


def check_transducers(document: Document, node: str, path: TreePath, row: NodeWiring, wires: NodeWires) -> None:
    """Report a channel without the transducer that the medium of the network needs, and the reverse."""
    medium = medium_in_use()
    electrical = medium == ELECTRICAL
    leads = {key: getattr(row, key) for key in ("drive", "error", "sense") if getattr(wires, key)}
    for key, lead in leads.items():
        plain = isinstance(lead, str)
        if node == PILOT and not plain:
            document.report((*path, key), "the pilot is a wire from a source to the digitizer, without a transducer")
        elif plain and not electrical and node != PILOT:
            what = f"sensor: 10 V/{medium.unit('state')}" if key == "sense" else f"actuator: 2 {medium.unit('flow')}/V"
            document.report(
                (*path, key),
                f"{node} carries a {medium.state}: name the transducer, e.g. '{key}: {{channel: {lead}, {what}}}'",
            )
        elif wires.actuator is not None and wires.actuator.output == medium.state and wires.coupling is None:
            document.report(
                (*path, key),
                f"an actuator that makes a {medium.state} needs the coupling through which it acts on {node}, "
                f"e.g. 'coupling: {dict(medium.examples)['parameter']}'",
            )
    if not electrical and wires.through is not None:
        document.report((*path, "through"), f"through is a resistance; in a network of {medium.state}s write coupling")
