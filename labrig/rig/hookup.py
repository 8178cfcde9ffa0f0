"""The wiring of a rig: which channel drives, injects an error, senses or programs what, in lists and matrices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from labrig.instruments.multiplexer import DIRECT, Lead
from labrig.lockin.drops import DropTerms
from labrig.network.physics import GROUND


@dataclass(frozen=True)
class Howland:
    """A current source between a channel and its node: transconductance_s · v (A) into the node for a channel at v.

    The current is right while the node is within ± compliance_v, and unknown beyond.
    """

    transconductance_s: float
    compliance_v: float


@dataclass(frozen=True)
class SourceWire:
    """A source channel and the node it drives.

    Parameters
    ----------
    node, device, channel : str
    ohm : float
        All the resistance between the open-circuit voltage and the node, or the output resistance of the current
        source (Ω).
    full_scale_v : float
        ± peak that the channel can play (V).
    howland : Howland or None
        The current source between channel and node.
    load_s : float or None
        Largest conductance of the fixed parts on the node (S); infinite if it has no limit, as of diodes. None if the
        physics of the board does not say what a driven node may read.
    safe_v : float or None
        Level that the channel holds when it is made safe (V); None: it is switched off.
    """

    node: str
    device: str
    channel: str
    ohm: float
    full_scale_v: float = np.inf
    howland: Howland | None = None
    load_s: float | None = None
    safe_v: float | None = None

    @property
    def label(self) -> str:
        """As in a configuration: instrument/channel."""
        return f"{self.device}/{self.channel}"

    @property
    def volts_per_ampere(self) -> float:
        """What the channel plays for a Norton current into the node, by Ohm's law or by the current source (V/A)."""
        return self.ohm if self.howland is None else 1.0 / self.howland.transconductance_s


@dataclass(frozen=True)
class SenseWire:
    """A digitizer channel and the node it senses.

    Parameters
    ----------
    node, channel : str
    low_v, high_v : float
        The node must stay between them (V): the supply of the parts on it, the compliance of a current source into it.
    lead : Lead
        What connects the node with the channel.
    """

    node: str
    channel: str
    low_v: float = -np.inf
    high_v: float = np.inf
    lead: Lead = DIRECT


@dataclass(frozen=True)
class EdgeWire:
    """A programmable edge from node a to node b and the channel that programs it."""

    name: str
    a: str
    b: str
    device: str
    channel: str


@dataclass(frozen=True)
class Hookup:
    """I inputs, O outputs, C sensed nodes, E programmable edges, in the order everything else uses.

    Outputs are the nodes an error can be injected into. `pilot` is the source of the pilot; its node is sensed too.
    """

    digitizer: str
    inputs: tuple[SourceWire, ...]
    outputs: tuple[SourceWire, ...]
    pilot: SourceWire
    senses: tuple[SenseWire, ...]
    edges: tuple[EdgeWire, ...]

    @cached_property
    def sense_column(self) -> dict[str, int]:
        """Column of each sensed node in a block."""
        return {wire.node: column for column, wire in enumerate(self.senses)}

    @cached_property
    def drops(self) -> DropTerms:
        """Voltage drop of every edge, v_a − v_b, from the sensed nodes; a term at ground has the weight 0."""
        ends = [(edge.a, edge.b) for edge in self.edges]
        columns = np.array(
            [[0 if node == GROUND else self.sense_column[node] for node in pair] for pair in ends], dtype=np.intp
        )
        weights = np.array([[float(a != GROUND), -float(b != GROUND)] for a, b in ends], dtype=float)
        return DropTerms(columns.reshape(-1, 2).T.copy(), weights.reshape(-1, 2).T.copy(), len(self.senses))

    @cached_property
    def output_columns(self) -> NDArray[np.intp]:
        """(O,) columns of the outputs in a block."""
        return np.array([self.sense_column[wire.node] for wire in self.outputs])

    @cached_property
    def input_ohm(self) -> NDArray[np.float64]:
        """(I,) resistance through which each input is driven."""
        return np.array([wire.ohm for wire in self.inputs])

    @cached_property
    def output_ohm(self) -> NDArray[np.float64]:
        """(O,) resistance from each output to ground through the source that injects its error: it loads the node."""
        return np.array([wire.ohm for wire in self.outputs])

    @cached_property
    def output_volts_per_ampere(self) -> NDArray[np.float64]:
        """(O,) what each output's channel plays for a Norton current into the node (V/A)."""
        return np.array([wire.volts_per_ampere for wire in self.outputs])

    @cached_property
    def low_v(self) -> NDArray[np.float64]:
        """(C,) lowest voltage each sensed node may have."""
        return np.array([wire.low_v for wire in self.senses])

    @cached_property
    def high_v(self) -> NDArray[np.float64]:
        """(C,) highest voltage each sensed node may have."""
        return np.array([wire.high_v for wire in self.senses])

    @cached_property
    def least_v(self) -> float:
        """Voltage, of either sign, that every sensed node may have."""
        return float(min(self.high_v.min(initial=np.inf), -self.low_v.max(initial=-np.inf)))

    @property
    def pilot_column(self) -> int:
        """Column of the pilot's node in a block."""
        return self.sense_column[self.pilot.node]

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Every source the rig drives, by name."""
        return tuple(dict.fromkeys(wire.device for wire in (*self.inputs, *self.outputs, self.pilot)))

    @cached_property
    def programmers(self) -> tuple[str, ...]:
        """Every programmer of an edge, by name."""
        return tuple(dict.fromkeys(edge.device for edge in self.edges))
