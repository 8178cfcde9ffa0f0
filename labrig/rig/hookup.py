"""The wiring of a rig in lists and matrices: the channels that drive, inject errors, sense and program."""

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
    """A current source between a channel and its node: a channel at v injects transconductance_s · v (A) into the node.

    The current is correct while the node is within ± compliance_v, and unknown beyond.
    """

    transconductance_s: float
    compliance_v: float


@dataclass(frozen=True)
class Actuator:
    """An actuator, which converts the voltage of a channel into the drive of a node in another medium.

    Parameters
    ----------
    per_volt : float
        Drive per volt of the channel (SI units).
    makes_flow : bool
        Whether the drive is a flow into the node, such as a force; otherwise it is a state, such as a displacement.
    """

    per_volt: float
    makes_flow: bool


@dataclass(frozen=True)
class SourceWire:
    """A source channel and the node it drives.

    Parameters
    ----------
    node, device, channel : str
        Names of the node, the instrument and its channel.
    ohm : float
        Total resistance between the open-circuit voltage and the node, or the output resistance of the current source
        (Ω). In another medium, the state per flow; infinite if the source does not load the node.
    full_scale_v : float
        Largest peak voltage, of either sign, that the channel can play (V).
    howland : Howland or None
        The current source between channel and node.
    actuator : Actuator or None
        The actuator that drives the node, in another medium.
    reads : str
        The node whose state is the output, if it is not the node that the channel drives; otherwise empty.
    load_s : float or None
        Largest conductance of the fixed parts on the node (S); infinite if there is no limit, as for diodes. None if
        the physics of the board does not limit the voltage of a driven node.
    safe_v : float or None
        Level of the channel in the safe state (V); None if the channel is switched off.
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
        """Name of the channel as in a configuration: instrument/channel."""
        return f"{self.device}/{self.channel}"

    @property
    def transconductance_s(self) -> float | None:
        """Norton current, or flow, per volt of the channel (A/V); None if it follows from `ohm`."""
        if self.actuator is not None:
            return self.actuator.per_volt / (1.0 if self.actuator.makes_flow else self.ohm)
        return None if self.howland is None else self.howland.transconductance_s

    @property
    def volts_per_ampere(self) -> float:
        """Channel voltage per Norton current into the node, from `ohm` or from the current source (V/A)."""
        transconductance_s = self.transconductance_s
        return self.ohm if transconductance_s is None else 1.0 / transconductance_s

    @property
    def volts_per_drive(self) -> float:
        """Channel voltage per unit of activation of the input; 1 without an actuator."""
        return 1.0 if self.actuator is None else 1.0 / self.actuator.per_volt


@dataclass(frozen=True)
class SenseWire:
    """A digitizer channel and the node it senses.

    Parameters
    ----------
    node, channel : str
        Names of the node and of the digitizer channel.
    low_v, high_v : float
        Limits of the node's voltage (V), due to the supply of parts or the compliance of a current source on it.
    lead : Lead
        The connection between node and channel.
    sensor : float
        Volts of the channel per unit of the node's state.
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
        Names of the edge, its two ends, the programmer and its channel.
    terms : tuple of (str, float)
        The drop as a weighted sum of sensed nodes; empty if it is the difference a − b.
    per_siemens : float
        Parameter of the edge per siemens of the programmer, if there is a transducer between them.
    second : tuple of (str, float)
        The drop of a second quantity, as a weighted sum of sensed nodes; empty if there is none.
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
    """The wiring: I inputs, O outputs, C sensed nodes and E programmable edges, in the order that all arrays use.

    Outputs are the nodes into which an error can be injected. `curve` is a `Curve` that gives the drops if they are not
    weighted sums of node values. `pilot` is the source of the pilot; its node is sensed too.
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
        """The drops of all edges as weighted sums of sensed nodes; a term at ground has the weight 0.

        If there is a second quantity, its drops follow, so that there are 2E drops.
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
        """(E,) ∂²E/∂u∂θ of every edge if it does not depend on the drop u; None if it equals the drop."""
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
        """(O,) resistance from each output to ground through its error source, which loads the node."""
        return np.array([wire.ohm for wire in self.outputs])

    @cached_property
    def output_volts_per_ampere(self) -> NDArray[np.float64]:
        """(O,) voltage of each output's channel per Norton current into the node (V/A)."""
        return np.array([wire.volts_per_ampere for wire in self.outputs])

    @cached_property
    def per_volt(self) -> NDArray[np.float64] | None:
        """(C,) value of the node per volt of each channel; None if the channels read node voltages directly."""
        sensors = np.array([wire.sensor for wire in self.senses])
        return None if (sensors == 1.0).all() else 1.0 / sensors

    @cached_property
    def volts_per_drive(self) -> NDArray[np.float64]:
        """(I,) voltage of each input's channel per unit of its activation."""
        return np.array([wire.volts_per_drive for wire in self.inputs])

    @cached_property
    def low_v(self) -> NDArray[np.float64]:
        """(C,) lowest allowed voltage of each sensed node (V)."""
        return np.array([wire.low_v for wire in self.senses])

    @cached_property
    def high_v(self) -> NDArray[np.float64]:
        """(C,) highest allowed voltage of each sensed node (V)."""
        return np.array([wire.high_v for wire in self.senses])

    @cached_property
    def least_v(self) -> float:
        """Tightest limit over the sensed nodes: any voltage within ± this value is allowed at every one of them (V)."""
        return float(min(self.high_v.min(initial=np.inf), -self.low_v.max(initial=-np.inf)))

    @cached_property
    def carries_state(self) -> NDArray[np.bool_]:
        """(C,) mask of the sensed nodes that carry the state of the network, not the pilot or a second quantity."""
        second = {node for edge in self.edges for node, _ in edge.second}
        return np.array([wire.node not in second and wire.node != self.pilot.node for wire in self.senses])

    @property
    def pilot_column(self) -> int:
        """Column of the pilot's node in a block."""
        return self.sense_column[self.pilot.node]

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """Names of all sources of the rig."""
        return tuple(dict.fromkeys(wire.device for wire in (*self.inputs, *self.outputs, self.pilot)))

    @cached_property
    def programmers(self) -> tuple[str, ...]:
        """Names of all programmers of edges."""
        return tuple(dict.fromkeys(edge.device for edge in self.edges))
