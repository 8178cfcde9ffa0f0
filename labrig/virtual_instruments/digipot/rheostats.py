"""The rheostats of a bank in the World, and the faults of its board."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from labrig.instruments.data import Level
from labrig.simulation.faults import RequestFault
from labrig.virtual_instruments.counterpart import Entry
from labrig.virtual_instruments.digipot.board import Status, VirtualDigipotBoard
from labrig.virtual_instruments.virtual_bench import VirtualBench

OPEN_TERMINALS_S = 1e-12
"""Conductance of a rheostat with open terminals (S)."""


class Rheostats:
    """The conductances of a programmer's channels in the World.

    Parameters
    ----------
    bench : VirtualBench
        The bench.
    entry : Entry
        The programmer.
    """

    def __init__(self, bench: VirtualBench, entry: Entry) -> None:
        self._bench = bench
        self._parts = entry.parts
        wired = bench.world.wiring.edges
        names = (f"{entry.name}/{channel}" for channel in entry.capabilities.channels)  # type: ignore[attr-defined]
        self._edges = {channel: wired[name] for channel, name in enumerate(names) if name in wired}

    def set(self, codes: Mapping[int, int | None]) -> None:
        """Set the conductances of these codes; None: open terminals."""
        siemens = {
            self._edges[channel]: OPEN_TERMINALS_S if code is None else self._parts[channel].conductance(Level(code))
            for channel, code in codes.items()
            if channel in self._edges
        }
        if siemens:
            with self._bench.lock:
                self._bench.world.set(self._bench.clock(), siemens)


def refusals(board: VirtualDigipotBoard, bench: VirtualBench, names: Sequence[str]) -> Callable[[], None]:
    """Return a function that makes the board refuse its next request if a fault of these instruments is active.

    Such a fault is one of the board, not of the line. The function is called before each message.
    """

    def refuse_the_next() -> None:
        board.forced.clear()
        if any(bench.faults.on_message(name, RequestFault) for name in names):
            board.forced.append(Status.MALFORMED)

    return refuse_the_next
