"""One row of the `wiring` section: what is connected to a node."""

from __future__ import annotations

from labrig.config.section import Section
from labrig.quantities import (
    PositiveCapacitance,
    PositiveResistance,
    PositiveTransconductance,
    PositiveVoltage,
    Voltage,
)


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


class NodeWiring(Section):
    """One node of the wiring.

    Attributes
    ----------
    drive, error, sense : str or None
        The channel that drives the node, injects its error, or senses it.
    through : float, HowlandSource or None
        Total resistance between the open-circuit voltage of the source and the node (Ω), or a current source.
    cable : float or None
        Capacitance of the node and of its cable to the digitizer (F); None if it is that of `acquisition`.
    buffer : float or None
        Output resistance (Ω) of an amplifier of gain 1 between the node and the digitizer; None if there is none.
    safe : float or None
        Level (V) that the channel of a drive or an error holds when it is made safe; None: it is switched off.
    """

    drive: str | None = None
    error: str | None = None
    through: PositiveResistance | HowlandSource | None = None
    sense: str | None = None
    cable: PositiveCapacitance | None = None
    buffer: PositiveResistance | None = None
    safe: Voltage | None = None
