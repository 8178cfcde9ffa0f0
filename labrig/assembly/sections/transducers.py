"""Checks that every channel of a row has the transducer that the medium of the network needs."""

from __future__ import annotations

from labrig.assembly.sections.network import PILOT
from labrig.assembly.sections.wiring_row import NodeWires, NodeWiring, SenseLead
from labrig.config.document import Document
from labrig.config.problems import TreePath
from labrig.medium import ELECTRICAL, medium_in_use
from labrig.quantities import as_written, with_article
from labrig.transducer import parse_factor


def check_transducers(
    document: Document, node: str, path: TreePath, row: NodeWiring, wires: NodeWires, *, is_second: bool
) -> None:
    """Report a channel without the transducer that the medium needs, or with an unsuitable transducer.

    `is_second`: whether the node stands for the second quantity of another node.
    """
    medium = medium_in_use()
    state, flow = ("second_state", "second_flow") if is_second else ("state", "flow")
    carried, pushed = medium.dimension(state), medium.dimension(flow)
    electrical = medium == ELECTRICAL
    leads = {key: getattr(row, key) for key in ("drive", "error", "sense") if getattr(wires, key)}
    for key, lead in leads.items():
        plain = isinstance(lead, str)
        if node == PILOT and not plain:
            document.report((*path, key), "the pilot is a wire from a source to the digitizer, without a transducer")
        elif plain and not electrical and node != PILOT:
            sensor, actuator = f"sensor: 10 V per {medium.unit(state)}", f"actuator: 2 {medium.unit(flow)} per V"
            what = sensor if key == "sense" else actuator
            example = f"'{key}: {{channel: {lead}, {what}}}'"
            document.report(
                (*path, key), f"{node} carries {with_article(carried)}: name the transducer, e.g. {example}"
            )
        elif isinstance(lead, SenseLead) and parse_factor(lead.sensor).input != carried:
            wanted = f"{node} carries {with_article(carried)}, so its sensor is written in V per {medium.unit(state)}"
            document.report((*path, key, "sensor"), f"{as_written(lead.sensor)} is not a suitable sensor: {wanted}")
        elif key == "sense" or wires.actuator is None:
            continue
        elif wires.actuator.output not in ((pushed,) if is_second else (pushed, carried)):
            made = with_article(wires.actuator.output)
            wanted = f"{node} carries {with_article(carried)}: write {medium.unit(flow)} per V"
            document.report((*path, key, "actuator"), f"an actuator that makes {made} is not suitable: {wanted}")
        elif wires.actuator.output == medium.state and wires.coupling is None:
            needed = f"needs a coupling through which it acts on {node}"
            example = f"'coupling: {medium.example('coupling')}'"
            document.report(
                (*path, key), f"an actuator that makes {with_article(medium.state)} {needed}, e.g. {example}"
            )
    if not electrical and wires.through is not None:
        message = f"'through' is a resistance; in a network of {medium.state}s write 'coupling'"
        document.report((*path, "through"), message)
