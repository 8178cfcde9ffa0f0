"""The wiring sheet for soldering a board: every channel and part with its nodes, and the synchronization cables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from labrig.assembly.sections.timing import Timing
from labrig.network.physics import GROUND, Network
from labrig.network.resistive.diodes import DIODES, DiodeModel
from labrig.network.resistive.graph import Graph
from labrig.quantities import format_quantity
from labrig.rig.hookup import Hookup, Howland, SourceWire
from labrig.rig.judge import JudgeWires


@dataclass(frozen=True)
class InstrumentFacts:
    """Facts about an instrument that the sheet needs.

    Parameters
    ----------
    model : str
        Model or part.
    output_ohm : float
        Output resistance of a source (Ω).
    chip : tuple of str
        If the user solders chips: the terminals of each rheostat on a chip, in the order of the channels.
    clock_output : str
        Name of the terminal of its clock output.
    """

    model: str
    output_ohm: float = 0.0
    chip: tuple[str, ...] = ()
    clock_output: str = "clock output"


@dataclass(frozen=True)
class Connection:
    """One connection to solder.

    Parameters
    ----------
    node, to : str
        The nodes that it connects; `to` is empty if the other end is a channel.
    what, instrument, model, channel : str
        Kind of the connection, and its instrument with model (or the value of a part) and channel.
    pin : str
        Terminals at `node` and at `to`.
    edge : str
        Name of the edge; empty if the connection is not an edge.
    through_ohm, resistor_ohm : float or None
        Total resistance from the open output to the node, and the part of it to solder; the rest is internal to the
        source. None for a Howland source.
    carries : str
        The meaning of an input or an output in the task.
    howland, howland_ohm : Howland, float or None
        The current source between channel and node, and its output resistance (Ω).
    """

    node: str
    what: Literal["drive", "error", "sense", "judge", "pot", "resistor", "diode"]
    instrument: str = ""
    model: str = ""
    channel: str = ""
    pin: str = ""
    to: str = ""
    edge: str = ""
    through_ohm: float | None = None
    resistor_ohm: float | None = None
    howland: Howland | None = None
    howland_ohm: float | None = None
    carries: str = ""


@dataclass(frozen=True)
class Line:
    """A cable between instruments: the clock or the start trigger."""

    what: Literal["clock", "trigger"]
    source: str
    to: str


@dataclass(frozen=True)
class WiringSheet:
    """Connections of the nodes (in the order of the network), the edges, the fixed parts, and cables (`lines`)."""

    nodes: tuple[Connection, ...]
    edges: tuple[Connection, ...]
    fixed: tuple[Connection, ...] = ()
    lines: tuple[Line, ...] = ()


def wiring_sheet(
    hookup: Hookup,
    network: Network,
    instruments: Mapping[str, InstrumentFacts],
    timing: Timing,
    carries: Mapping[str, str],
    judge: JudgeWires | None = None,
) -> WiringSheet:
    """Return everything to connect for this hookup; `carries` gives the meaning of channels (device/channel)."""
    by_node: dict[str, list[Connection]] = {node: [] for node in network.nodes}
    for wire in (*hookup.inputs, hookup.pilot):
        by_node[wire.node].append(_source(wire, "drive", instruments[wire.device]))
    for wire in hookup.outputs:
        by_node[wire.node].append(_source(wire, "error", instruments[wire.device]))
    for node, connections in by_node.items():
        by_node[node] = [
            replace(each, carries=carries.get(f"{each.instrument}/{each.channel}", "")) for each in connections
        ]
    digitizer = instruments[hookup.digitizer]
    for sense in hookup.senses:
        by_node[sense.node].append(Connection(sense.node, "sense", hookup.digitizer, digitizer.model, sense.channel))
    if judge is not None:
        for wire, (device, channel) in zip(hookup.outputs, judge.wires, strict=True):
            by_node[wire.node].append(Connection(wire.node, "judge", device, instruments[device].model, channel))
    edges = [
        Connection(
            edge.a,
            "pot",
            edge.device,
            instruments[edge.device].model,
            edge.channel,
            _pin(instruments[edge.device], edge.channel),
            to=edge.b,
            edge=edge.name,
        )
        for edge in hookup.edges
    ]
    return WiringSheet(
        tuple(connection for connections in by_node.values() for connection in connections),
        tuple(edges),
        _fixed(network),
        _lines(timing, digitizer),
    )


def _source(wire: SourceWire, what: Literal["drive", "error"], facts: InstrumentFacts) -> Connection:
    if wire.howland is not None:
        return Connection(
            wire.node, what, wire.device, facts.model, wire.channel, howland=wire.howland, howland_ohm=wire.ohm
        )
    if wire.actuator is not None:  # a transducer is plugged in, not soldered
        return Connection(wire.node, what, wire.device, facts.model, wire.channel)
    return Connection(
        wire.node,
        what,
        wire.device,
        facts.model,
        wire.channel,
        through_ohm=wire.ohm,
        resistor_ohm=max(0.0, wire.ohm - facts.output_ohm),
    )


def _pin(facts: InstrumentFacts, channel: str) -> str:
    """Return the chip and the terminals of a channel; the terminal for the edge's first node comes first."""
    if not facts.chip:
        return ""
    chip, rheostat = divmod(int(channel), len(facts.chip))
    return f"chip {chip} {facts.chip[rheostat]}"


def _fixed(graph: Network) -> tuple[Connection, ...]:
    """Return the fixed parts of a resistive network; other physics have none to solder."""
    if not isinstance(graph, Graph):
        return ()
    resistors = [
        Connection(part.a, "resistor", model=format_quantity(part.ohm, "resistance"), to=part.b)
        for part in graph.resistors
    ]
    diodes = [
        Connection(
            part.anode, "diode", model=f"{part.count} × {_part(part.model)}", pin="anode, cathode", to=part.cathode
        )
        for part in graph.diodes
    ]
    # Sorted by the node that is not ground, so that all parts of a node are together.
    order = {node: k for k, node in enumerate(graph.nodes)}
    rows = [*resistors, *diodes]
    return tuple(sorted(rows, key=lambda row: order[row.to if row.node == GROUND else row.node]))


def _part(model: DiodeModel) -> str:
    return next((name for name, known in DIODES.items() if known == model), "diode")


def _lines(timing: Timing, digitizer: InstrumentFacts) -> tuple[Line, ...]:
    lines: list[Line] = []
    if timing.clock:
        master = f"{timing.clock.master} {timing.clock.line}" if timing.clock.line else digitizer.clock_output
        lines += [Line("clock", master, f"{name} 10 MHz input") for name in timing.clock.followers]
    if timing.trigger:
        device = timing.trigger.from_.partition("/")[0]
        leaves_by = f"{device} {timing.trigger.line}" if timing.trigger.line else timing.trigger.from_
        lines += [Line("trigger", leaves_by, f"{name} trigger input") for name in timing.trigger.to]
    return tuple(lines)


def nearest_e96(value: float) -> float:
    """Return the value of the E96 series (1 % resistors, three digits) whose ratio to `value` > 0 is nearest to 1."""
    decade = math.floor(math.log10(value))
    steps = [round(10 ** (k / 96), 2) * 10.0**decade for k in range(97)]
    return min(steps, key=lambda step: abs(math.log(step / value)))
