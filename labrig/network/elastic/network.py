"""The interface of an elastic network to the rest of labrig: coordinates and ports are nodes, springs are edges.

A node of this network is either a coordinate of a point, such as `n3.x`, whose value is the displacement (m), or a
port, such as `source`, whose value is the extension between two points (m). Flows are forces (N). A port lengthens if
its points move apart; the force of a source at a port pulls its points apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.network.elastic.lattice import Geometry
from labrig.network.elastic.springs import AXES, Springs
from labrig.network.elastic.statics import Finite, Small
from labrig.network.physics import GROUND, Edge, NetworkError, Source, Terms

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Lengthening:
    """Extension ℓ − ℓ₀ of every spring, as a `Curve` of its coordinates in the order of `ElasticLayout._along`."""

    geometry: Geometry

    @cached_property
    def apart(self) -> Array:
        """(E, 2) vectors from the first end of each spring to the second, at rest (m)."""
        ends = self.geometry.positions[self.geometry.springs]
        return ends[:, 1] - ends[:, 0]

    def __call__(self, ends: Array) -> tuple[Array, Array]:
        """Return the extensions (E,) and their derivatives (4, E) at displacements (4, E)."""
        apart = self.apart.T + ends[:2] - ends[2:]
        length = np.hypot(*apart)
        direction = apart / length
        return length - np.hypot(*self.apart.T), np.concatenate((direction, -direction))

    def values(self, ends: Array) -> Array:
        """Return the extensions (N, E) at displacements (4, N, E)."""
        apart = self.apart.T[:, np.newaxis] + ends[:2] - ends[2:]
        return np.hypot(*apart) - np.hypot(*self.apart.T)


@dataclass(frozen=True)
class ElasticLayout(Springs):
    """The network before it is wired.

    Parameters
    ----------
    finite : bool
        Whether displacements are finite; if not, extensions are linear in them.
    numbered : bool
        See `labrig.network.physics.Layout`.
    """

    finite: bool = False
    numbered: bool = False

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The springs."""
        named, directions = self.geometry.ends, self.geometry.directions
        return tuple(
            Edge(
                f"{self.names[a]}-{self.names[b]}",
                self.names[a],
                self.names[b],
                self._along(a, b, [float(each) for each in direction]),
                slope=None if self.adjusted is None else -self.adjusted.stiffness,
            )
            for (a, b), direction in zip(named, directions, strict=True)
        )

    @property
    def curve(self) -> Lengthening | None:
        """The actual extension of every spring; None for small displacements."""
        return Lengthening(self.geometry) if self.finite else None

    def _along(self, a: int, b: int, direction: Sequence[float]) -> Terms:
        """The extension of the line from point a to point b, for small displacements."""
        ends = ((b, 1.0), (a, -1.0))
        return tuple(
            (GROUND if point in self.pinned else f"{self.names[point]}.{axis}", sign * share)
            for point, sign in ends
            for axis, share in zip(AXES, direction, strict=True)
        )

    @property
    def shape(self) -> dict[str, Any]:
        """Numbers of points and springs."""
        return {"elastic": [len(self.names), len(self.geometry.springs)]}

    def with_sources(self, sources: Iterable[Source], beside: Sequence[str] = ()) -> ElasticNetwork:
        """Return the network with these sources, and the nodes `beside`, which are connected only to a source."""
        return ElasticNetwork(self, tuple(sources), tuple(beside))


@dataclass(frozen=True)
class ElasticNetwork:
    """The network with its sources, with the interface of `labrig.network.physics.Network`."""

    layout: ElasticLayout
    sources: tuple[Source, ...]
    beside: tuple[str, ...] = ()

    @property
    def nodes(self) -> tuple[str, ...]:
        """The coordinates, then the ports, then the nodes that are connected only to a source."""
        return (*self.layout.nodes, *self.beside)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The springs."""
        return self.layout.edges

    @property
    def linear(self) -> bool:
        """Whether displacements are small and the network is at rest without drives."""
        return not self.layout.finite and self.layout.adjusted is None

    @property
    def fixed(self) -> dict[str, Any]:
        """Numbers of pinned points and of ports."""
        return {"pinned": len(self.layout.pinned), "ports": len(self.layout.ports)}

    def check(self) -> None:
        """Raise NetworkError if points can move in a way that no spring resists."""
        loads = any(np.isfinite(source.ohm) for source in self.sources)
        if self.layout.background > 0 or loads:
            return
        stiffness = self.layout.geometry.directions  # used only for the number of springs: any stiffness will do
        solver = Small(self.layout, self.sources, self.beside)
        solver.set_parameters(np.ones(len(stiffness)))
        if np.linalg.matrix_rank(solver.stiffness) < len(solver.stiffness):
            raise NetworkError(
                "points can move in a way that no spring resists; add a background stiffness, or pin points"
            )

    def undetermined_nodes(self) -> tuple[str, ...]:
        """An empty tuple; `check` finds undetermined movements."""
        return ()

    def equilibrium(self, is_open: Collection[int] = ()) -> Small | Finite:
        """Return a solver of the network. Sources in `is_open` neither push nor load."""
        kind = Finite if self.layout.finite else Small
        return kind(self.layout, self.sources, self.beside, is_open)
