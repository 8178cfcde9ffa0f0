"""The seam between a network and everything that trains it: what nodes carry, its equilibrium, its exact gradient.

World, truth, tasks and plots know this and no resistors. A physics is a folder here, or a module of someone else, found
by the name in `network.physics`; `labrig.network.resistive` is the first.
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
"""The reference node, at 0. It is in every network and never listed among its nodes."""

_CALLED_GROUND = ("ground", "gnd", "agnd", "dgnd", "0", "0v", "earth")

Report = Callable[[tuple[str | int, ...], str], None]
"""Reports a problem: the key of the `network` section to blame, and what is wrong."""


def ground_hint(node: str) -> str:
    """Return a hint if the name of a node is another name for ground, else an empty string."""
    called = node != GROUND and node.casefold() in _CALLED_GROUND
    return f"; ground is called {GROUND!r}" if called else ""


class NetworkError(ConfigError):
    """A network that cannot be built or solved as described."""


@dataclass(frozen=True, slots=True)
class WiringProblem:
    """What is wrong with a network and its wiring.

    Attributes
    ----------
    path : tuple
        The place in the configuration: ('network', 'resistors', 0, 'to'), ('wiring', 'out0').
    message : str
        What is wrong, and the remedy.
    warning : bool
        Whether a run is possible all the same.
    """

    path: tuple[str | int, ...]
    message: str
    warning: bool = False


Terms = tuple[tuple[str, float], ...]
"""Nodes and their weights in a sum."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A programmable element between `a` and `b`.

    Parameters
    ----------
    name, a, b : str
        Its name and its ends.
    projection : tuple of (str, float)
        Its drop as a sum of what nodes carry, each with its weight. Empty if `a` and `b` are nodes and the drop is the
        difference a − b. Where nodes are points, as in an elastic network, it is the extension along the bond.
    second : tuple of (str, float)
        Its drop of a second quantity, in units in which that answers a flow as the state does; empty if there is none.
    slope : float or None
        ∂²E/∂u∂θ where that is the same at every drop u, as for a rest length. None if it is the drop itself, as for a
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
        """The drop as a sum of nodes, ground included."""
        return self.projection or ((self.a, 1.0), (self.b, -1.0))

    @property
    def terms(self) -> Terms:
        """The drop as a sum of nodes, without ground."""
        return tuple((node, weight) for node, weight in self.projection_or_ends if node != GROUND)


@dataclass(frozen=True, slots=True)
class Source:
    """What a source channel that plays the voltage v is, from ground into `node`.

    A Thevenin source of v behind `ohm` > 0; with `transconductance_s` (A/V) a Norton source, of the current
    transconductance_s · v in addition to `ohm`. In another medium these are flows and states: with an actuator the
    transconductance is its force per volt, and 1/ohm its own stiffness, which may be 0.
    """

    node: str
    ohm: float
    transconductance_s: float | None = None

    @property
    def norton_s(self) -> float:
        """Current into the node held at 0 V, per volt played (A/V)."""
        return 1.0 / self.ohm if self.transconductance_s is None else self.transconductance_s


class Equilibrium(Protocol):
    """Solves one network. E edges, S sources, N nodes; an argument may have a batch axis B in front."""

    def set_parameters(self, values: ArrayLike, /) -> None:
        """Set the parameter of every edge, (E,): conductances (S)."""
        ...

    def states(self, source_v: ArrayLike, /) -> Array:
        """What the nodes carry, (N,) or (B, N), when the sources play `source_v`, (S,) or (B, S), in V."""
        ...

    def gradient(self, states: ArrayLike, output_gradient: ArrayLike, /) -> Array:
        """Exact ∂C/∂θ, (E,) or (B, E), from ∂C/∂state, (N,) or (B, N), at the states of an equilibrium."""
        ...

    def local(self, states: ArrayLike, /) -> Array:
        """∂E/∂θ of every edge, (E,) or (B, E): ½u² of its drop u for a resistor."""
        ...


@runtime_checkable
class SeenFromNodes(Protocol):
    """An equilibrium that also knows what an instrument sees at a node. A physics may do without."""

    def resistances(self, states: ArrayLike, nodes: Sequence[int], /) -> Array:
        """(len(nodes),) small-signal resistance from each of these nodes to ground (Ω), at the states (N,)."""
        ...


@runtime_checkable
class TakesCurrents(Protocol):
    """An equilibrium that can also push currents into its nodes. A physics may do without."""

    def with_currents(self, source_v: ArrayLike, current_a: ArrayLike, /) -> Array:
        """As `Equilibrium.states`, with the currents (N,) or (B, N) pushed into the nodes from ground (A)."""
        ...


@runtime_checkable
class Relaxes(Protocol):
    """An equilibrium that is reached in a time that matters. A physics may do without."""

    @property
    def slowest_s(self) -> float:
        """Time constant of its slowest mode at the parameters that were set last (s)."""
        ...


@runtime_checkable
class Decays(Protocol):
    """An equilibrium that also knows how a departure from it decays. A physics may do without."""

    def decay(self, states: Array, departure: Array, /) -> tuple[NDArray[Any], NDArray[Any]]:
        """Rates (M,) (1/s) and modes (M, N): departure(t) = Σ_m modes[m] exp(−rates[m] t), from the states (N,).

        What follows at once is in no mode; M is 0 if everything does.
        """
        ...


@runtime_checkable
class NamesItsMethod(Protocol):
    """An equilibrium that says how it is computed, for `labrig plan`. A physics may do without."""

    @property
    def method(self) -> str:
        """How, in one line."""
        ...


@runtime_checkable
class KnowsFixedLoad(Protocol):
    """A network of passive parts that can say how much its fixed ones load a node. A physics may do without."""

    def fixed_load(self, node: str, /) -> float:
        """Largest conductance of the fixed parts on a node, without its source (S); infinite if it has no limit."""
        ...


class Network(Protocol):
    """A network with its sources. Vectors follow the order of these tuples; a frozen dataclass of plain values."""

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
        """The S sources, one at most on each node."""
        ...

    @property
    def linear(self) -> bool:
        """Whether superposition holds."""
        ...

    @property
    def fixed(self) -> dict[str, Any]:
        """What is in it besides the edges, in brief: counts by kind. Empty if there is nothing."""
        ...

    def check(self) -> None:
        """Raise NetworkError if its equilibrium is not unique."""
        ...

    def undetermined_nodes(self) -> tuple[str, ...]:
        """Nodes whose state nothing determines."""
        ...

    def equilibrium(self, is_open: Collection[int] = ()) -> Equilibrium:
        """A solver of it, with the outputs of these sources (by number) open."""
        ...


@runtime_checkable
class HasCurvedDrops(Protocol):
    """A layout whose drops are no weighted sums, such as the lengths of lines between points. A physics may do without.

    The `projection` of an edge then gives the order of its nodes, and their weights at rest; ground marks what stays
    at 0.
    """

    @property
    def curve(self) -> Any:
        """A `labrig.lockin.curved_drops.Curve` over all edges; None if they are sums all the same."""
        ...


@runtime_checkable
class HasPlaces(Protocol):
    """A layout whose edges end somewhere in a plane. A physics may do without."""

    @property
    def places(self) -> Mapping[str, tuple[float, float]]:
        """Place of each end of an edge."""
        ...


@runtime_checkable
class HasSecondQuantity(Protocol):
    """A layout whose nodes carry a second quantity besides, such as a concentration. A physics may do without."""

    @property
    def second(self) -> Mapping[str, str]:
        """The node that stands for the second quantity of each node; empty if there is none."""
        ...


@runtime_checkable
class ExplainsMissing(Protocol):
    """A layout that knows why it lacks a node that is wired. A physics may do without."""

    def why_missing(self, node: str, /) -> str:
        """Why there is no node of this name, with the remedy; empty if nothing is known of it."""
        ...


class Layout(Protocol):
    """A network before it is wired to sources."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of its nodes, without ground."""
        ...

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Its programmable elements."""
        ...

    @property
    def numbered(self) -> bool:
        """Whether inputs and outputs count in the order of `nodes`; otherwise in the order of their wiring rows."""
        ...

    @property
    def shape(self) -> dict[str, Any]:
        """Its size in brief, for records: {'grid': [10, 10]}."""
        ...

    def with_sources(self, sources: Iterable[Source], beside: Sequence[str] = ()) -> Network:
        """Return the network with these sources, and with the nodes `beside`, which are connected to a source only."""
        ...


class Physics(ABC):
    """One kind of network.

    `Options` are its own keys, which are written next to `programmable:` in the `network` section. `medium` says what
    the nodes carry and what the edges have.
    """

    Options: ClassVar[type[Section]] = NoOptions
    medium: ClassVar[Medium] = ELECTRICAL
    second_key: ClassVar[str] = ""
    """The key that gives nodes their second quantity; empty if they always have it, or never."""
    files: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Keys that name a file, each as its path in the section; the builder gets where the file is."""

    @classmethod
    @abstractmethod
    def build(cls, options: Any, report: Report) -> Layout | None:
        """The network of a configuration, before it is wired; None after problems were reported."""

    @classmethod
    def wiring_problems(
        cls, network: Any, wired: Collection[str], inputs: Collection[str], outputs: Sequence[str]
    ) -> Iterable[WiringProblem]:
        """What is wrong with a network once its nodes are wired; by default nothing.

        Parameters
        ----------
        network : Network
            The network with its sources.
        wired : collection of str
            Nodes with a row in the wiring.
        inputs, outputs : collections of str
            Nodes that are driven, and nodes that get an error.
        """
        return ()
