"""The virtual counterpart of `labrig.digipot_bank`: each bank is a board on its own serial line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from labrig.clock import MonotonicClock
from labrig.instruments.data import Level
from labrig.instruments.drivers import ProgrammerCapabilities
from labrig.simulation.faults import PowerFault, RequestFault
from labrig.virtual_instruments.counterpart import Entry, each_on_its_own
from labrig.virtual_instruments.digipot.board import Status, VirtualDigipotBoard
from labrig.virtual_instruments.faulty_line import FaultyLine
from labrig.virtual_instruments.serial_server import serve
from labrig.virtual_instruments.virtual_bench import VirtualBench

OPEN_TERMINALS_S = 1e-12
"""Conductance of a rheostat with open terminals (S)."""


@each_on_its_own
@contextmanager
def banks(bench: VirtualBench, entry: Entry) -> Iterator[str]:
    """Serve one bank and yield its `socket://` URL."""
    able, faults = entry.capabilities, bench.faults
    assert isinstance(able, ProgrammerCapabilities)
    edges = {
        channel: bench.world.wiring.edges[name]
        for channel, name in enumerate(f"{entry.name}/{channel}" for channel in able.channels)
        if name in bench.world.wiring.edges
    }

    def show(codes: Mapping[int, int | None]) -> None:
        """Set the conductances of these codes in the world."""
        siemens = {
            edges[channel]: OPEN_TERMINALS_S if code is None else entry.parts[channel].conductance(Level(code))
            for channel, code in codes.items()
            if channel in edges
        }
        if siemens:
            with bench.lock:
                bench.world.set(bench.clock(), siemens)

    board = VirtualDigipotBoard(len(able.channels), able.part, clock=MonotonicClock(), on_codes=show)

    def refuse_the_next() -> None:
        """Refuse the next requests: a fault of the board, not of the line."""
        board.forced.clear()
        if faults.on_message(entry.name, RequestFault):
            board.forced.append(Status.MALFORMED)

    faults.when_begun(entry.name, PowerFault, lambda _: board.power_cycle())
    line = FaultyLine(board, faults, entry.name, bench.seed, before_message=refuse_the_next)
    with serve(line) as url:
        yield url
