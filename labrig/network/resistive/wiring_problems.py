"""Problems of a resistive network that can only be found once its nodes are wired."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from labrig.network.physics import GROUND, WiringProblem, ground_hint
from labrig.network.resistive.graph import Diode, Graph, Resistor


def wiring_problems(
    network: Graph, wired: Collection[str], inputs: Collection[str], outputs: Sequence[str]
) -> Iterator[WiringProblem]:
    """Yield the problems of a wired network.

    Parameters
    ----------
    network : Graph
        The network with its sources.
    wired : collection of str
        Nodes with a row in the wiring.
    inputs : collection of str
        Nodes that are driven.
    outputs : sequence of str
        Nodes that receive an error.
    """
    stray = list(_stray_ends(network, wired))
    yield from stray
    if stray:
        return
    named = {edge.name for edge in network.edges}
    for edge in network.edges:
        other = f"{edge.b}-{edge.a}"
        if other in named and edge.a < edge.b:
            message = f"edges {edge.name} and {other} are in parallel; leave one out unless the board has both"
            yield WiringProblem(("network",), message, warning=True)
    reached = _reached(network, inputs)
    for node in outputs:
        if node not in reached:
            reason = f"no input reaches output {node}: no element connects it to a driven node except through ground"
            yield WiringProblem(("wiring", node), f"{reason}, so nothing can be trained; connect it")
    dead = _dead_edges(network)
    if dead:
        names = ", ".join(dead[:6]) + (" …" if len(dead) > 6 else "")
        which, carry = ("edge", "carries") if len(dead) == 1 else ("edges", "carry")
        ends = {node for edge in network.edges if edge.name in dead for node in (edge.a, edge.b)}
        hint = next((found for node in sorted(ends) if (found := ground_hint(node))), "")
        yield WiringProblem(
            ("network",), f"{which} {names} {carry} no current: nothing else is connected at the far end{hint}", True
        )


def _stray_ends(network: Graph, wired: Collection[str]) -> Iterator[WiringProblem]:
    """Yield a problem for each end of a fixed element that leads nowhere, or to ground under another name."""
    count = dict.fromkeys(network.nodes, 0)
    for node in (node for link in _links(network) for node in link if node != GROUND):
        count[node] += 1
    for element in (*network.resistors, *network.diodes):
        path = _path(element)
        ends = (element.a, element.b) if isinstance(element, Resistor) else (element.anode, element.cathode)
        for key, node in zip(("from", "to"), ends, strict=True):
            if path is None or node in wired or node == GROUND:
                continue
            hint = ground_hint(node)
            if hint:
                yield WiringProblem((*path, key), f"nothing is wired to node {node!r}{hint}")
                break
            if count[node] == 1:
                message = f"node {node!r} leads nowhere: no other element and no row of the wiring names it; connect it"
                yield WiringProblem((*path, key), message)
                break


def _path(element: Resistor | Diode) -> tuple[str | int, ...] | None:
    """Return the path of an element in the configuration (resistor0 is network.resistors[0]); None if it has none."""
    kind = "resistor" if isinstance(element, Resistor) else "diode"
    number = element.name.removeprefix(kind)
    return ("network", f"{kind}s", int(number)) if number.isdigit() else None


def _links(network: Graph) -> list[tuple[str, str]]:
    links = [(edge.a, edge.b) for edge in network.edges]
    links += [(resistor.a, resistor.b) for resistor in network.resistors]
    return links + [(diode.anode, diode.cathode) for diode in network.diodes]


def _reached(network: Graph, nodes: Collection[str]) -> set[str]:
    """Return the nodes that are connected to `nodes` without passing through ground."""
    neighbours: dict[str, list[str]] = {}
    for a, b in _links(network):
        if GROUND not in (a, b):
            neighbours.setdefault(a, []).append(b)
            neighbours.setdefault(b, []).append(a)
    reached, waiting = set(nodes), list(nodes)
    while waiting:
        for node in neighbours.get(waiting.pop(), ()):
            if node not in reached:
                reached.add(node)
                waiting.append(node)
    return reached


def _dead_edges(network: Graph) -> list[str]:
    """Return the names of edges in chains that end without a source or ground, and so carry no current."""
    links = dict(enumerate(_links(network)))
    at: dict[str, set[int]] = {}
    for number, ends in links.items():
        for node in ends:
            at.setdefault(node, set()).add(number)
    sources = {source.node for source in network.sources} | {GROUND}
    waiting = [node for node, touching in at.items() if len(touching) == 1 and node not in sources]
    dead: set[int] = set()
    while waiting:
        node = waiting.pop()
        if len(at[node]) != 1:
            continue
        number = at[node].pop()
        dead.add(number)
        (other,) = (end for end in links[number] if end != node)
        at[other].discard(number)
        if len(at[other]) == 1 and other not in sources:
            waiting.append(other)
    return [edge.name for number, edge in enumerate(network.edges) if number in dead]
