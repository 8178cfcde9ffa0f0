"""Fixtures: the connections between instruments that replace the board during a calibration.

A simulated or virtual bench builds the fixture itself; on hardware its instructions are printed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from labrig.json_text import json_text

REFERENCE = "reference/out"
"""Label of the voltage reference in `Fixture.drives`."""


@dataclass(frozen=True)
class Standard:
    """A resistor of known value between two nodes.

    Attributes
    ----------
    a, b : str
        The two nodes.
    ohm : float
        Stated resistance (Ω).
    u_ohm : float
        Relative standard uncertainty of the resistance.
    """

    a: str
    b: str
    ohm: float
    u_ohm: float = 0.0


@dataclass(frozen=True)
class Fixture:
    """Connections between instruments, without the board. Channels are labelled as in a configuration, "daq/0".

    Attributes
    ----------
    name : str
        Name for messages.
    instructions : tuple of str
        Connections to make, in one sentence each.
    senses : mapping
        Node of each digitizer channel; several channels may share a node.
    drives : mapping
        Node of each connected source channel, at most one channel per node; all other source channels are open.
    grounded : tuple of str
        Nodes that are connected to ground.
    parts : mapping
        Node of each programmable part, whose other end is grounded.
    standards : tuple of Standard
        Resistors between nodes.
    reference_v : float
        Voltage of the reference (V), if `drives` contains a reference.
    u_reference : float
        Relative standard uncertainty of this voltage.
    """

    name: str
    instructions: tuple[str, ...]
    senses: Mapping[str, str]
    drives: Mapping[str, str]
    grounded: tuple[str, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict[str, str])
    standards: tuple[Standard, ...] = ()
    reference_v: float = 0.0
    u_reference: float = 0.0

    def to_text(self) -> str:
        """Return the fixture as JSON, for the process with the virtual instruments."""
        return json_text(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Fixture:
        """Return the fixture that `to_text` wrote."""
        plain: dict[str, Any] = json.loads(text)
        for key in ("instructions", "grounded"):
            plain[key] = tuple(plain[key])
        plain["standards"] = tuple(Standard(**each) for each in plain["standards"])
        return cls(**plain)
