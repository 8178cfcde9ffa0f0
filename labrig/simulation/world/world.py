"""The World: a board, what every source plays into it, and the voltages anyone could measure."""

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
from labrig.simulation.world.response import BoardResponse, Stretch
from labrig.simulation.world.timeline import Timeline
from labrig.simulation.world.wiring import BoardWiring, SourceStage

Array = NDArray[np.float64]


_RECENT_ACQUISITIONS = 16
"""What has happened since the start of so many acquisitions can be sampled by anyone."""


class Reader(Protocol):
    """An acquisition that may be sampled later than the next ones."""

    @property
    def unread_since_s(self) -> float:
        """Time from which on the board may still be sampled (s)."""
        ...


class World:
    """A board in time, with the *actual* wiring and the *actual* parts, which the rig cannot know.

    Node voltages are a pure function of the timeline and of the time asked for. Time is an argument, so simulated and
    real clocks both work. What had ended before any acquisition that can still be sampled is forgotten.

    Parameters
    ----------
    network : Network
        The board, edges in the order the rig numbers them.
    wiring : BoardWiring
        What is soldered to what.
    stages : mapping
        Output stage of each source channel.
    siemens : (E,) array
        Conductances to begin with (S).
    farad : (N,) array, optional
        Capacitance of each node (F). Default: none.

    Attributes
    ----------
    faults : FaultSchedule
        What is made to go wrong, and when.
    acquisitions : int
        How many have begun.
    gains : dict of str to float
        What each source channel plays, as a ratio to what it was asked for.
    started_s : float
        When the bench started, by the clock whose times are passed in (s); 0 by default.
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
        """How often `drive` or `set` was called: voltages asked for before may no longer hold."""
        return self.timeline.changes

    def drive(self, t: float, channel: str, program: ToneProgram | None) -> None:
        """Let the channel play `program` from time t (s) on, with its tones starting at t; None opens the output."""
        for player in self._players.get(channel, ()):
            program = program and player(program)
        self.timeline.drive(t, channel, program)

    def set(self, t: float, siemens: Mapping[str, float]) -> None:
        """Set the actual conductances (S) of these edges from time t (s) on."""
        if factors := self.wiring.per_siemens:
            siemens = {edge: value * factors.get(edge, 1.0) for edge, value in siemens.items()}
        self.timeline.set(t, siemens)

    def begin_acquisition(self, t: float, reader: Reader | None = None) -> int:
        """Note that a digitizer takes its first scan at t.

        Parameters
        ----------
        t : float
            Time (s).
        reader : Reader, optional
            The acquisition, if it may be sampled after many others have begun. As long as it exists, nothing is
            forgotten that it has not read.

        Returns
        -------
        int
            The number of this acquisition, from 1.
        """
        self.acquisitions += 1
        self.faults.begin_acquisition(t)
        self._began.append(t)
        if self.acquisitions % _RECENT_ACQUISITIONS == 0:  # seldom enough to cost nothing
            self.timeline.forget(min((*self._began, *(each.unread_since_s for each in self._readers))))
        if reader is not None:
            self._readers.add(reader)
        return self.acquisitions

    def playing(self, t: float) -> dict[str, ToneProgram | None]:
        """What every wired source channel plays at t; None if its output is open."""
        return self.timeline.playing(t)

    def conductances(self, t: float) -> Array:
        """(E,) actual conductances at t (S), or what transducers make of them."""
        return self.timeline.conductances(t)

    def voltages(self, nodes: Sequence[str], t0: float, rate: float, n: int, skew_s: Sequence[float] = ()) -> Array:
        """(n, len(nodes)) voltages at the times t0 + k/rate, k = 0 … n − 1; node c later by skew_s[c]."""
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
        """The same voltages, split where something changes.

        Each stretch has one period of scans, which repeats until its end. `coupling`, (S, len(nodes)), is what share of
        the tones of each source comes on top.
        """
        return self.response.stretches(nodes, t0, rate, n, skew_s, coupling)

    def resistances(self, nodes: Sequence[str], t: float) -> Array | None:
        """(len(nodes),) resistance from each node to ground at t (Ω); None if the network's physics knows none."""
        return self.response.resistances(nodes, t)

    def static(self, volts: Mapping[str, ArrayLike], t: float) -> tuple[Equilibrium, Array]:
        """The solver at t, and the node voltages (B, N) if the named channels played each of these B constant voltages.

        All other sources would play 0 V with their outputs on.
        """
        return self.response.static(volts, t)
