"""What is soldered to what on a simulated board, and the output stages that drive it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labrig.instruments.multiplexer import Lead
from labrig.signals.tones import ToneProgram

Array = NDArray[np.float64]


@dataclass(frozen=True)
class BoardWiring:
    """Which instrument channel ("awg/0") is soldered to what: sources and senses to nodes, programmers to edges.

    `leads` are what connects the digitizer's channels with their nodes, where it is not the default. `sensors` are the
    volts of a digitizer's channel per unit of what its node carries, and `per_siemens` what the transducer of an edge
    makes of a siemens, where they are not 1. `volts_per_drive` is what an input's channel plays per unit of its
    activation.
    """

    sources: Mapping[str, str]
    senses: Mapping[str, str]
    edges: Mapping[str, str]
    leads: Mapping[str, Lead] = field(default_factory=dict)
    sensors: Mapping[str, float] = field(default_factory=dict)
    per_siemens: Mapping[str, float] = field(default_factory=dict)
    volts_per_drive: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceStage:
    """Output stage of one source channel.

    Attributes
    ----------
    gain : float
        Actual gain.
    step_v : float
        Step of its converter (V); 0: none.
    outputs : sequence of callables
        What its output makes of volts, one after the other.
    players : sequence of callables
        What it makes of programs, one after the other.
    """

    gain: float = 1.0
    step_v: float = 0.0
    outputs: Sequence[Callable[[Array], Array]] = ()
    players: Sequence[Callable[[ToneProgram], ToneProgram]] = ()
