"""What is soldered to what on a simulated board, and the output stages that drive it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from labrig.instruments.multiplexer import Lead


@dataclass(frozen=True)
class BoardWiring:
    """Which instrument channel ("awg/0") is soldered to what: sources and senses to nodes, programmers to edges.

    `leads` are what connects the digitizer's channels with their nodes, where it is not the default.
    """

    sources: Mapping[str, str]
    senses: Mapping[str, str]
    edges: Mapping[str, str]
    leads: Mapping[str, Lead] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceStage:
    """Output stage of one source channel: actual gain, and the step of its converter in V (0: none)."""

    gain: float = 1.0
    step_v: float = 0.0
