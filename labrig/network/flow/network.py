"""A flow network as the rest of labrig sees it: pressures and concentrations as nodes, tubes as edges."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from labrig.network.flow.steady import Steady
from labrig.network.flow.tubes import SECOND, Tubes
from labrig.network.physics import Edge, NetworkError, Source


@dataclass(frozen=True)
class FlowLayout(Tubes):
    """The network before it is connected to reservoirs and pumps."""

    numbered: bool = False

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The tubes."""
        second = self.second
        kappa = self.chemical.kappa_pa if self.chemical is not None else 1.0
        return tuple(
            Edge(f"{a}-{b}", a, b, (), ((second[a], kappa), (second[b], -kappa)) if second else ())
            for a, b in self.tubes
        )

    def why_missing(self, node: str) -> str:
        """Explain why a concentration node is missing in a network without a chemical."""
        at = node.removeprefix(SECOND)
        if self.chemical is not None or at == node or at not in self.names:
            return ""
        return f"{node} is the concentration at {at}, but the network has no chemical; add the section network.chemical"

    @property
    def shape(self) -> dict[str, Any]:
        """Numbers of nodes and tubes."""
        return {"flow": [len(self.names), len(self.tubes)]}

    def with_sources(self, sources: Iterable[Source], beside: Sequence[str] = ()) -> FlowNetwork:
        """Return the network with these sources, and the nodes `beside`, which are connected only to a source."""
        return FlowNetwork(self, tuple(sources), tuple(beside))


@dataclass(frozen=True)
class FlowNetwork:
    """The network with its sources, with the interface of `labrig.network.physics.Network`."""

    layout: FlowLayout
    sources: tuple[Source, ...]
    beside: tuple[str, ...] = ()

    @property
    def nodes(self) -> tuple[str, ...]:
        """The pressures, then the concentrations, then the nodes that are connected only to a source."""
        return (*self.layout.nodes, *self.beside)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The tubes."""
        return self.layout.edges

    @property
    def linear(self) -> bool:
        """Whether superposition holds, which is the case unless the flow carries the chemical (advection)."""
        return self.layout.chemical is None or not self.layout.chemical.peclet_per_pa

    @property
    def fixed(self) -> dict[str, Any]:
        """Numbers of elements other than tubes, by kind."""
        return {"chemical": 1} if self.layout.chemical is not None else {}

    def check(self) -> None:
        """Raise NetworkError if the pressure of a node is undetermined."""
        if undetermined := self.undetermined_nodes():
            raise NetworkError(f"the pressure of {undetermined[0]} is undetermined: connect it to a reservoir by tubes")

    def undetermined_nodes(self) -> tuple[str, ...]:
        """Nodes that no path of tubes connects to a reservoir, if there is no leak."""
        if self.layout.leak > 0:
            return ()
        reached = {source.node for source in self.sources if np.isfinite(source.ohm)} & set(self.layout.names)
        tubes = [set(ends) for ends in self.layout.tubes]
        while more := {node for ends in tubes if ends & reached for node in ends} - reached:
            reached |= more
        return tuple(name for name in self.layout.names if name not in reached)

    def equilibrium(self, is_open: Collection[int] = ()) -> Steady:
        """Return a solver of the network. Sources in `is_open` neither push a flow nor load their node."""
        return Steady(self.layout, self.sources, self.beside, is_open)
