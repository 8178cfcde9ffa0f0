"""The interface between a network and the code that trains it: its nodes and edges, equilibrium and exact gradient.

The simulated world, the truth, tasks and plots use only this interface and know nothing of resistors. A physics is a
folder here or a third-party module, found by the name in `network.physics`; `labrig.network.resistive` is an example.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labrig.config.section import NoOptions, Section
from labrig.errors import ConfigError
from labrig.medium import ELECTRICAL, Medium

Array = NDArray[np.float64]

GROUND = "ground"
"""The reference node, at 0. It exists in every network and is never listed among the nodes."""

_CALLED_GROUND = ("ground", "gnd", "agnd", "dgnd", "0", "0v", "earth")

Report = Callable[[tuple[str | int, ...], str], None]
"""Function that reports a problem; it takes the path of the key at fault in the `network` section, and a message."""


def ground_hint(node: str) -> str:
    """Return a hint if the name of a node is another name for ground, else an empty string."""
    called = node != GROUND and node.casefold() in _CALLED_GROUND
    return f"; ground is called {GROUND!r}" if called else ""


class NetworkError(ConfigError):
    """A network that cannot be built or solved as described."""


@dataclass(frozen=True, slots=True)
class WiringProblem:
    """A problem with a network and its wiring.

    Attributes
    ----------
    path : tuple
        Path of the key in the configuration, such as ('network', 'resistors', 0, 'to') or ('wiring', 'out0').
    message : str
        Description of the problem, and a remedy.
    warning : bool
        Whether a run is possible despite the problem.
    """

    path: tuple[str | int, ...]
    message: str
    warning: bool = False


Terms = tuple[tuple[str, float], ...]
"""A weighted sum of node values, as pairs of a node and its weight."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A programmable element between `a` and `b`.

    Parameters
    ----------
    name, a, b : str
        Name of the edge and of its two ends.
    projection : tuple of (str, float)
        The drop as a weighted sum of node values. Empty if `a` and `b` are nodes and the drop is the difference a − b.
        In an elastic network, where the ends are points, the drop is the extension along the bond.
    second : tuple of (str, float)
        The drop of a second quantity, as a weighted sum of node values; empty if there is none. Its unit is such that
        it responds to a release as the drop responds to a flow.
    slope : float or None
        ∂²E/∂u∂θ if it is the same at every drop u, as for a rest length. None if it equals the drop, as for a
        conductance, whose energy is ½θu².
    """

    name: str
    a: str
    b: str
    projection: Terms = ()
    second: Terms = ()
    slope: float | None = None

    @property
    def projection_or_ends(self) -> Terms:
        """The drop as a weighted sum of node values, ground included."""
        return self.projection or ((self.a, 1.0), (self.b, -1.0))

    @property
    def terms(self) -> Terms:
        """The drop as a weighted sum of node values, without ground."""
        return tuple((node, weight) for node, weight in self.projection_or_ends if node != GROUND)


@dataclass(frozen=True, slots=True)
class Source:
    """Equivalent circuit, between ground and `node`, of a source channel that plays the voltage v.

    Without `transconductance_s` it is a Thevenin source: v behind `ohm` > 0. With `transconductance_s` (A/V) it is a
    Norton source: the current transconductance_s · v in parallel with `ohm`. In other media flows and states take the
    place of current and voltage: for an actuator, the transconductance is its force per volt, and 1/ohm is its own
    stiffness, which may be 0.
    """

    node: str
    ohm: float
    transconductance_s: float | None = None

    @property
    def norton_s(self) -> float:
        """Current into the node when it is held at 0 V, per volt played (A/V)."""
        return 1.0 / self.ohm if self.transconductance_s is None else self.transconductance_s


class Equilibrium(Protocol):
    """Solver of one network with E edges, S sources and N nodes. Arguments may have a leading batch axis B."""

    def set_parameters(self, values: ArrayLike, /) -> None:
        """Set the parameter (E,) of every edge, such as its conductance (S)."""
        ...

    def states(self, source_v: ArrayLike, /) -> Array:
        """Values of the nodes, (N,) or (B, N), when the sources play `source_v`, (S,) or (B, S), in V."""
        ...

    def gradient(self, states: ArrayLike, output_gradient: ArrayLike, /) -> Array:
        """Exact ∂C/∂θ, (E,) or (B, E), from ∂C/∂state, (N,) or (B, N), at the states of an equilibrium."""
        ...

    def local(self, states: ArrayLike, /) -> Array:
        """∂E/∂θ of every edge, (E,) or (B, E): ½u² of its drop u for a resistor."""
        ...


@runtime_checkable
class SeenFromNodes(Protocol):
    """Optional: an equilibrium that also knows the resistance that an instrument at a node sees."""

    def resistances(self, states: ArrayLike, nodes: Sequence[int], /) -> Array:
        """(len(nodes),) small-signal resistance from each of these nodes to ground (Ω), at the states (N,)."""
        ...


@runtime_checkable
class TakesCurrents(Protocol):
    """Optional: an equilibrium into whose nodes currents can be injected."""

    def with_currents(self, source_v: ArrayLike, current_a: ArrayLike, /) -> Array:
        """Like `Equilibrium.states`, with the currents (N,) or (B, N) injected into the nodes from ground (A)."""
        ...


@runtime_checkable
class Relaxes(Protocol):
    """Optional: an equilibrium whose settling time matters."""

    @property
    def slowest_s(self) -> float:
        """Time constant of the slowest mode at the present parameters (s)."""
        ...


@runtime_checkable
class Decays(Protocol):
    """Optional: an equilibrium that knows how the nodes return to it."""

    def decay(self, states: Array, departure: Array, /) -> tuple[NDArray[Any], NDArray[Any]]:
        """Rates (M,) in 1/s and modes (M, N), such that departure(t) = Σ_m modes[m] exp(−rates[m] t).

        `states` (N,) is the equilibrium, and `departure` (N,) the departure from it at t = 0. The modes do not include
        values that follow without delay; M is 0 if there are no others.
        """
        ...


@runtime_checkable
class NamesItsMethod(Protocol):
    """Optional: an equilibrium that describes how it is computed, for `labrig plan`."""

    @property
    def method(self) -> str:
        """Description of the method in one line."""
        ...


@runtime_checkable
class KnowsFixedLoad(Protocol):
    """Optional: a network of passive parts that knows the load of its fixed parts on a node."""

    def fixed_load(self, node: str, /) -> float:
        """Largest conductance of the fixed parts on a node, without its source (S); infinite if there is no limit."""
        ...


class Network(Protocol):
    """A network with its sources: a frozen dataclass of plain values. Vectors are in the order of its tuples."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the N nodes, without ground."""
        ...

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The E programmable elements."""
        ...

    @property
    def sources(self) -> tuple[Source, ...]:
        """The S sources, at most one per node."""
        ...

    @property
    def linear(self) -> bool:
        """Whether superposition holds."""
        ...

    @property
    def fixed(self) -> dict[str, Any]:
        """Numbers of elements other than the edges, by kind; empty if there are none."""
        ...

    def check(self) -> None:
        """Raise NetworkError if the equilibrium is not unique."""
        ...

    def undetermined_nodes(self) -> tuple[str, ...]:
        """Nodes whose state is undetermined."""
        ...

    def equilibrium(self, is_open: Collection[int] = ()) -> Equilibrium:
        """Return a solver of the network in which the outputs of the sources with the indices `is_open` are open."""
        ...


@runtime_checkable
class HasCurvedDrops(Protocol):
    """Optional: a layout whose drops are not weighted sums, such as the distances between points.

    The `projection` of an edge then gives its nodes in order, with their weights at rest; ground stands for a
    coordinate that stays at 0.
    """

    @property
    def curve(self) -> Any:
        """A `labrig.lockin.curved_drops.Curve` of all edges; None if their drops are weighted sums."""
        ...


@runtime_checkable
class HasPlaces(Protocol):
    """Optional: a layout whose edges connect points in a plane."""

    @property
    def places(self) -> Mapping[str, tuple[float, float]]:
        """Coordinates of each point at which an edge ends."""
        ...


@runtime_checkable
class HasPorts(Protocol):
    """Optional: a layout some of whose nodes are ports, each between several points."""

    @property
    def ends(self) -> Mapping[str, tuple[str, ...]]:
        """Points of each port, by its name."""
        ...


@runtime_checkable
class HasSecondQuantity(Protocol):
    """Optional: a layout whose nodes also carry a second quantity, such as a concentration."""

    @property
    def second(self) -> Mapping[str, str]:
        """The node that stands for the second quantity of each node; empty if there is none."""
        ...


@runtime_checkable
class ExplainsMissing(Protocol):
    """Optional: a layout that can explain why a node named in the wiring does not exist."""

    def why_missing(self, node: str, /) -> str:
        """Return why there is no node of this name, with the remedy; empty if the layout cannot tell."""
        ...


class Layout(Protocol):
    """A network before it is wired to sources."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the nodes, without ground."""
        ...

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The programmable elements."""
        ...

    @property
    def numbered(self) -> bool:
        """Whether inputs and outputs are in the order of `nodes`, instead of in the order of their wiring rows."""
        ...

    @property
    def shape(self) -> dict[str, Any]:
        """Size of the layout, for records, such as {'grid': [10, 10]}."""
        ...

    def with_sources(self, sources: Iterable[Source], beside: Sequence[str] = ()) -> Network:
        """Return the network with these sources, and the nodes `beside`, which are connected only to a source."""
        ...


class Physics(ABC):
    """One kind of network.

    `Options` declares its own keys, which are written next to `programmable:` in the `network` section. `medium` names
    the physical quantities of nodes and edges.
    """

    Options: ClassVar[type[Section]] = NoOptions
    medium: ClassVar[Medium] = ELECTRICAL
    second_key: ClassVar[str] = ""
    """The key that gives nodes a second quantity; empty if nodes always have one, or never."""
    files: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Keys that name a file, each as its path in the section; `build` gets the path of the file as their value."""

    @classmethod
    @abstractmethod
    def build(cls, options: Any, report: Report) -> Layout | None:
        """Build the network of a configuration, before it is wired. Return None if problems were reported."""

    @classmethod
    def wiring_problems(
        cls, network: Any, wired: Collection[str], inputs: Collection[str], outputs: Sequence[str]
    ) -> Iterable[WiringProblem]:
        """Return the problems of a network that can only be found once its nodes are wired; by default, none.

        Parameters
        ----------
        network : Network
            The network with its sources.
        wired : collection of str
            Nodes with a row in the wiring.
        inputs : collection of str
            Nodes that are driven.
        outputs : sequence of str
            Nodes that receive an error.
        """
        return ()
