"""The wiring of a rig: which channel drives, injects an error, senses or programs what, in lists and matrices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.instruments.multiplexer import DIRECT, Lead
from labrig.lockin.drops import DropTerms
from labrig.network.physics import GROUND, Edge, Terms


@dataclass(frozen=True)
class Howland:
    """A current source between a channel and its node: transconductance_s · v (A) into the node for a channel at v.

    The current is right while the node is within ± compliance_v, and unknown beyond.
    """

    transconductance_s: float
    compliance_v: float


@dataclass(frozen=True)
class Actuator:
    """What turns the volts of a channel into what drives a node of another medium.

    Parameters
    ----------
    per_volt : float
        What it makes of a volt, in SI units.
    makes_flow : bool
        Whether that is a flow into the node, such as a force; otherwise a state, such as a displacement.
    """

    per_volt: float
    makes_flow: bool


@dataclass(frozen=True)
class SourceWire:
    """A source channel and the node it drives.

    Parameters
    ----------
    node, device, channel : str
    ohm : float
        All the resistance between the open-circuit voltage and the node, or the output resistance of the current
        source (Ω); in another medium state per flow, infinite if the source does not load the node.
    full_scale_v : float
        ± peak that the channel can play (V).
    howland : Howland or None
        The current source between channel and node.
    actuator : Actuator or None
        What drives a node of another medium.
    reads : str
        The node whose state is the output, if it is not the one that the channel drives.
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
    actuator: Actuator | None = None
    reads: str = ""
    load_s: float | None = None
    safe_v: float | None = None

    @property
    def output(self) -> str:
        """The node whose state is the output."""
        return self.reads or self.node

    @property
    def label(self) -> str:
        """As in a configuration: instrument/channel."""
        return f"{self.device}/{self.channel}"

    @property
    def transconductance_s(self) -> float | None:
        """Norton current per volt of the channel (A/V), or flow per volt; None if it follows from `ohm`."""
        if self.actuator is not None:
            return self.actuator.per_volt / (1.0 if self.actuator.makes_flow else self.ohm)
        return None if self.howland is None else self.howland.transconductance_s

    @property
    def volts_per_ampere(self) -> float:
        """What the channel plays for a Norton current into the node, by Ohm's law or by the source (V/A)."""
        transconductance_s = self.transconductance_s
        return self.ohm if transconductance_s is None else 1.0 / transconductance_s

    @property
    def volts_per_drive(self) -> float:
        """What the channel plays per unit of the activation of an input: 1, or by its actuator."""
        return 1.0 if self.actuator is None else 1.0 / self.actuator.per_volt


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
    sensor : float
        Volts of the channel per unit of what the node carries.
    """

    node: str
    channel: str
    low_v: float = -np.inf
    high_v: float = np.inf
    lead: Lead = DIRECT
    sensor: float = 1.0


@dataclass(frozen=True)
class EdgeWire:
    """A programmable edge from a to b and the channel that programs it.

    Parameters
    ----------
    name, a, b, device, channel : str
    terms : tuple of (str, float)
        Its drop as a sum of sensed nodes; empty for the difference a − b.
    per_siemens : float
        What its transducer makes of a siemens of the programmer.
    second : tuple of (str, float)
        Its drop of a second quantity, as a sum of sensed nodes; empty if there is none.
    slope : float or None
        As in `Edge`.
    """

    name: str
    a: str
    b: str
    device: str
    channel: str
    terms: Terms = ()
    per_siemens: float = 1.0
    second: Terms = ()
    slope: float | None = None


@dataclass(frozen=True)
class Hookup:
    """I inputs, O outputs, C sensed nodes, E programmable edges, in the order everything else uses.

    Outputs are the nodes an error can be injected into. `curve`, a `Curve`, gives the drops where they are no weighted
    sums of what nodes carry. `pilot` is the source of the pilot; its node is sensed too.
    """

    digitizer: str
    inputs: tuple[SourceWire, ...]
    outputs: tuple[SourceWire, ...]
    pilot: SourceWire
    senses: tuple[SenseWire, ...]
    edges: tuple[EdgeWire, ...]
    curve: Any = None

    @cached_property
    def sense_column(self) -> dict[str, int]:
        """Column of each sensed node in a block."""
        return {wire.node: column for column, wire in enumerate(self.senses)}

    @cached_property
    def drops(self) -> DropTerms:
        """Drop of every edge, v_a − v_b, from the sensed nodes; a term at ground has the weight 0.

        With a second quantity its drops follow, so that there are 2E.
        """
        sums = [wire.terms or Edge(wire.name, wire.a, wire.b).projection_or_ends for wire in self.edges]
        sums += [wire.second for wire in self.edges if wire.second]
        longest = max(2, *map(len, sums)) if sums else 2
        columns = np.zeros((longest, len(sums)), dtype=np.intp)
        weights = np.zeros((longest, len(sums)))
        for edge, terms in enumerate(sums):
            for place, (node, weight) in enumerate(terms):
                if node != GROUND:
                    columns[place, edge], weights[place, edge] = self.sense_column[node], weight
        return DropTerms(columns, weights, len(self.senses), self.curve)

    @cached_property
    def constant_slope(self) -> NDArray[np.float64] | None:
        """(E,) ∂²E/∂u∂θ of every edge where it is the same at every drop u; None if it is the drop."""
        slopes = [wire.slope for wire in self.edges]
        return None if None in slopes or not slopes else np.array(slopes, dtype=float)

    @cached_property
    def output_columns(self) -> NDArray[np.intp]:
        """(O,) columns of the outputs in a block."""
        return np.array([self.sense_column[wire.output] for wire in self.outputs])

    @cached_property
    def has_second(self) -> bool:
        """Whether edges have drops of a second quantity."""
        return any(edge.second for edge in self.edges)

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
    def per_volt(self) -> NDArray[np.float64] | None:
        """(C,) what a volt of each channel says of its node; None if nodes carry the volts that channels read."""
        sensors = np.array([wire.sensor for wire in self.senses])
        return None if (sensors == 1.0).all() else 1.0 / sensors

    @cached_property
    def volts_per_drive(self) -> NDArray[np.float64]:
        """(I,) what each input's channel plays per unit of its activation."""
        return np.array([wire.volts_per_drive for wire in self.inputs])

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

    @cached_property
    def carries_state(self) -> NDArray[np.bool_]:
        """(C,) which sensed nodes carry the state of the network: not the pilot, and no second quantity."""
        second = {node for edge in self.edges for node, _ in edge.second}
        return np.array([wire.node not in second and wire.node != self.pilot.node for wire in self.senses])

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
