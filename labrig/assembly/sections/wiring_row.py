"""One row of the `wiring` section: everything that is connected to a node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from labrig.config.section import Section
from labrig.medium import PositiveCoupling
from labrig.quantities import (
    PositiveCapacitance,
    PositiveResistance,
    PositiveTransconductance,
    PositiveVoltage,
    Voltage,
)
from labrig.transducer import ActuatorFactor, EdgeFactor, Factor, SensorFactor, parse_factor

COMPONENTS = ("x", "y", "z")
"""Keys of a lead that name the channel of one coordinate of a node."""


class HowlandSource(Section):
    """A Howland current source between a channel and its node.

    Attributes
    ----------
    howland : float
        Transconductance: current per volt of the channel (A/V).
    output_resistance : float
        Output resistance, which loads the node (Ω).
    compliance : float
        Largest node voltage, of either sign, at which the source still delivers its current (V).
    """

    howland: PositiveTransconductance
    output_resistance: PositiveResistance
    compliance: PositiveVoltage


class Lead(Section):
    """A channel of an instrument, or one channel for each coordinate of the node.

    channel: instrument/channel. x: channel of the x coordinate. y: channel of the y coordinate. z: channel of the z
    coordinate.
    """

    channel: str | None = None
    x: str | None = None
    y: str | None = None
    z: str | None = None

    def channels(self) -> dict[str, str]:
        """Return the channel of each coordinate; the channel of a node without coordinates has the key ''."""
        named = {"": self.channel, **{key: getattr(self, key) for key in COMPONENTS}}
        return {key: channel for key, channel in named.items() if channel is not None}


class SourceLead(Lead):
    """A source channel with an actuator: `{channel: awg/0, actuator: 2 N/V}`.

    Attributes
    ----------
    actuator : str
        Output of the actuator per volt: a flow (a force, a volume per time) or a state (a displacement, a pressure).
    coupling : float or None
        Flow per state between actuator and node. An actuator that sets a state acts on the node through it; an
        actuator that sets a flow loads the node with it (by default there is no load).
    """

    actuator: ActuatorFactor
    coupling: PositiveCoupling | None = None


class SenseLead(Lead):
    """A digitizer channel with a sensor: `{channel: daq/3, sensor: 10 V/mm}`."""

    sensor: SensorFactor


class EdgeChannels(Section):
    """The channels that program the edges, and the transducer between siemens and the edge parameter."""

    channels: str
    transducer: EdgeFactor


class NodeWiring(Section):
    """One node of the wiring.

    Attributes
    ----------
    drive, error, sense : str, Lead or None
        The channel that drives the node, injects its error, or senses it; a Lead if there is a transducer.
    through : float, HowlandSource or None
        Total resistance between the open-circuit voltage of the source and the node (Ω), or a current source.
    cable : float or None
        Capacitance of the node and of its cable to the digitizer (F); None for `acquisition.cable`.
    buffer : float or None
        Output resistance (Ω) of an amplifier of gain 1 between the node and the digitizer; None if there is none.
    safe : float or None
        Level (V) that the channel of a drive or an error holds when it is made safe; None to switch it off.
    """

    drive: str | SourceLead | None = None
    error: str | SourceLead | None = None
    through: PositiveResistance | HowlandSource | None = None
    sense: str | SenseLead | None = None
    cable: PositiveCapacitance | None = None
    buffer: PositiveResistance | None = None
    safe: Voltage | None = None


@dataclass(frozen=True)
class NodeWires:
    """Everything connected to one node: a `NodeWiring` for a single coordinate, with its transducers.

    Attributes
    ----------
    drive, error, sense : str or None
        Channels, as in a configuration: instrument/channel.
    through, cable, buffer, safe
        As in NodeWiring.
    actuator : Factor or None
        Actuator of the source.
    coupling : float or None
        As in SourceLead.
    sensor : float
        Volts at the digitizer per unit of the node's state.
    """

    drive: str | None
    error: str | None
    sense: str | None
    through: float | HowlandSource | None
    cable: float | None
    buffer: float | None
    safe: float | None = None
    actuator: Factor | None = None
    coupling: float | None = None
    sensor: float = 1.0


def wires_of(node: str, row: NodeWiring) -> Iterator[tuple[str, NodeWires]]:
    """Yield every node of a row (`n3`, or `n3.x` and `n3.y`) with its wires."""
    leads = {key: _channels(getattr(row, key)) for key in ("drive", "error", "sense")}
    for component in dict.fromkeys(key for channels in leads.values() for key in channels):
        drive, error, sense = (leads[key].get(component) for key in ("drive", "error", "sense"))
        source = row.drive if drive else row.error if error else None
        actuator = parse_factor(source.actuator) if isinstance(source, SourceLead) else None
        yield (
            f"{node}.{component}" if component else node,
            NodeWires(
                drive,
                error,
                sense,
                row.through,
                row.cable,
                row.buffer,
                row.safe,
                actuator,
                source.coupling if isinstance(source, SourceLead) else None,
                parse_factor(row.sense.sensor).value if sense and isinstance(row.sense, SenseLead) else 1.0,
            ),
        )
    if not any(leads.values()):
        yield node, NodeWires(None, None, None, row.through, row.cable, row.buffer, row.safe)


def _channels(lead: str | Lead | None) -> dict[str, str]:
    if lead is None:
        return {}
    return {"": lead} if isinstance(lead, str) else lead.channels()
