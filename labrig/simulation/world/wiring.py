"""The wiring of a simulated board, and the output stages that drive it."""

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
    """The node or edge of each instrument channel ("awg/0").

    Attributes
    ----------
    sources, senses : mapping
        Node of each source channel and of each digitizer channel.
    edges : mapping
        Edge of each programmer channel.
    leads : mapping
        Lead between each digitizer channel and its node, if it is not the default lead.
    sensors : mapping
        Volts of each digitizer channel per unit of its node's state, if not 1.
    per_siemens : mapping
        Edge parameter that the transducer of each edge produces per siemens, if not 1.
    volts_per_drive : mapping
        Volts that the channel of each input plays per unit of activation, if not 1.
    stuck : set of str
        Edges that keep their power-up conductance whatever is written.
    references : mapping
        Constant voltage (V) of each source channel that is a voltage reference instead of an instrument.
    """

    sources: Mapping[str, str]
    senses: Mapping[str, str]
    edges: Mapping[str, str]
    leads: Mapping[str, Lead] = field(default_factory=dict)
    sensors: Mapping[str, float] = field(default_factory=dict)
    per_siemens: Mapping[str, float] = field(default_factory=dict)
    volts_per_drive: Mapping[str, float] = field(default_factory=dict)
    stuck: frozenset[str] = frozenset()
    references: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceStage:
    """Output stage of one source channel.

    Attributes
    ----------
    gain : float
        Actual gain.
    step_v : float
        Step of its converter (V); 0 for none.
    outputs : sequence of callable
        Distortions of the output voltage, applied one after the other.
    players : sequence of callable
        Changes of the program, applied one after the other.
    """

    gain: float = 1.0
    step_v: float = 0.0
    outputs: Sequence[Callable[[Array], Array]] = ()
    players: Sequence[Callable[[ToneProgram], ToneProgram]] = ()
