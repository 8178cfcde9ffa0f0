"""A resistive network as the rest of labrig sees it: a graph that can be solved."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from labrig.network.resistive.graph import Graph
from labrig.network.resistive.solve.solver import Solver

OFF_STATE_OHM = 10e9
"""Resistance of an open output, due to the leakage of its switch (Ω)."""


@dataclass(frozen=True, slots=True)
class ResistiveNetwork(Graph):
    """A resistive graph with the interface of `labrig.network.physics.Network`."""

    def equilibrium(self, is_open: Collection[int] = ()) -> Solver:
        """Return a solver of the network in which the outputs of the sources with the indices `is_open` are open.

        A current source between an open output and its node stays connected: without an input voltage it injects no
        current, but it still loads the node.
        """
        sources = tuple(
            replace(source, ohm=source.ohm + OFF_STATE_OHM)
            if number in is_open and source.transconductance_s is None
            else source
            for number, source in enumerate(self.sources)
        )
        return Solver(replace(self, sources=sources))
