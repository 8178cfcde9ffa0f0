"""The World: a board, the programs that sources play into it, and its node voltages at any time."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol
from weakref import WeakSet

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labrig.network.physics import Equilibrium, Network
from labrig.signals.tones import ToneProgram
from labrig.simulation.faults import FaultSchedule
from labrig.simulation.world.cells import Cells
from labrig.simulation.world.response import BoardResponse, Stretch
from labrig.simulation.world.timeline import Timeline
from labrig.simulation.world.wiring import BoardWiring, SourceStage

Array = NDArray[np.float64]


_RECENT_ACQUISITIONS = 16
"""Number of the latest acquisitions for which the board can always still be sampled."""


class Reader(Protocol):
    """An acquisition that may still be sampled after later ones have begun."""

    @property
    def unread_since_s(self) -> float:
        """Time from which on the board may still be sampled (s)."""
        ...


class World:
    """A board over time, with the *actual* wiring and the *actual* parts, which the rig cannot know.

    Node voltages are a pure function of the timeline and of time. Time is an argument, so both simulated and real
    clocks work. States that ended before all acquisitions that can still be sampled are deleted.

    Parameters
    ----------
    network : Network
        The board, with the edges in the order of the rig.
    wiring : BoardWiring
        The channels at nodes and edges.
    stages : mapping
        Output stage of each source channel.
    siemens : (E,) array
        Initial conductances (S).
    farad : (N,) array, optional
        Capacitance of each node (F). Default: none.

    Attributes
    ----------
    faults : FaultSchedule
        The faults and the times at which they begin.
    acquisitions : int
        Number of acquisitions that have begun.
    gains : dict of str to float
        Ratio of the voltage that each source channel plays to the requested one.
    cells : Cells
        The memristors among the edges.
    started_s : float
        Start of the bench on the clock whose times are passed in (s); 0 by default.
    """

    def __init__(
        self,
        network: Network,
        wiring: BoardWiring,
        stages: Mapping[str, SourceStage],
        siemens: Array,
        farad: Array | None = None,
    ) -> None:
        network.check()
        self.network = network
        self.wiring = wiring
        self.acquisitions = 0
        self.started_s = 0.0
        self._began: deque[float] = deque(maxlen=_RECENT_ACQUISITIONS)
        self._readers: WeakSet[Reader] = WeakSet()
        self.faults = FaultSchedule()
        self.cells = Cells({}, {}, 0, self.set)
        by_node = {node: channel for channel, node in wiring.sources.items()}
        self._channels = tuple(by_node[source.node] for source in network.sources)
        factors = [wiring.per_siemens.get(edge.name, 1.0) for edge in network.edges]
        self.timeline = Timeline(self._channels, [edge.name for edge in network.edges], siemens * factors)
        self.response = BoardResponse(
            network, self._channels, [stages[channel] for channel in self._channels], self.timeline, farad
        )
        self.gains = {channel: stages[channel].gain for channel in self._channels}
        self._players = {channel: stages[channel].players for channel in self._channels}

    @property
    def sources(self) -> tuple[str, ...]:
        """The source channels that drive the board, in the order of the network's sources."""
        return self._channels

    @property
    def changes(self) -> int:
        """Number of changes by `drive` or `set`; after a change, voltages computed before may no longer hold."""
        return self.timeline.changes

    def drive(self, t: float, channel: str, program: ToneProgram | None) -> None:
        """Make the channel play `program` from time t (s) on, with tones that start at t; None opens the output."""
        for player in self._players.get(channel, ()):
            program = program and player(program)
        self.timeline.drive(t, channel, program)

    def set(self, t: float, siemens: Mapping[str, float]) -> None:
        """Set the actual conductances (S) of these edges from time t (s) on."""
        if stuck := self.wiring.stuck:
            siemens = {edge: value for edge, value in siemens.items() if edge not in stuck}
        if factors := self.wiring.per_siemens:
            siemens = {edge: value * factors.get(edge, 1.0) for edge, value in siemens.items()}
        self.timeline.set(t, siemens)

    def begin_acquisition(self, t: float, reader: Reader | None = None) -> int:
        """Record that a digitizer takes its first scan at t.

        Parameters
        ----------
        t : float
            Time (s).
        reader : Reader, optional
            The acquisition, if it may be sampled after many others have begun. As long as it exists, states that it has
            not read yet are kept.

        Returns
        -------
        int
            Number of this acquisition, from 1.
        """
        self.acquisitions += 1
        self.faults.begin_acquisition(t)
        self.cells.drift(t)
        self._began.append(t)
        if self.acquisitions % _RECENT_ACQUISITIONS == 0:  # seldom enough to cost nothing
            self.timeline.forget(min((*self._began, *(each.unread_since_s for each in self._readers))))
        if reader is not None:
            self._readers.add(reader)
        return self.acquisitions

    def playing(self, t: float) -> dict[str, ToneProgram | None]:
        """Return the program that each wired source channel plays at t, by channel; None if its output is open."""
        return self.timeline.playing(t)

    def conductances(self, t: float) -> Array:
        """Return the (E,) actual conductances at t (S), or the edge parameters that transducers produce from them."""
        return self.timeline.conductances(t)

    def voltages(self, nodes: Sequence[str], t0: float, rate: float, n: int, skew_s: Sequence[float] = ()) -> Array:
        """Return (n, len(nodes)) voltages at t0 + k/rate, k = 0 … n − 1; node c is sampled skew_s[c] later."""
        return self.response.voltages(nodes, t0, rate, n, skew_s)

    def stretches(
        self,
        nodes: Sequence[str],
        t0: float,
        rate: float,
        n: int,
        skew_s: Sequence[float] = (),
        coupling: Array | None = None,
    ) -> list[Stretch]:
        """Return the voltages that `voltages` gives, split where something changes.

        Each stretch has one period of scans, which repeats until its end. `coupling` (S, len(nodes)) is the share of
        the tones of each source that is added to each node.
        """
        return self.response.stretches(nodes, t0, rate, n, skew_s, coupling)

    def resistances(self, nodes: Sequence[str], t: float) -> Array | None:
        """Return the resistance from each node to ground at t (Ω); None if the physics has no resistances."""
        return self.response.resistances(nodes, t)

    def static(self, volts: Mapping[str, ArrayLike], t: float) -> tuple[Equilibrium, Array]:
        """Return the solver at t, and the node voltages (B, N) for B constant voltages of each of these channels.

        All other sources play 0 V with their outputs on.
        """
        return self.response.static(volts, t)
