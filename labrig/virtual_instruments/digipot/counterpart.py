"""The virtual counterpart of `labrig.digipot_bank`: each bank is a board on its own serial line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from labrig.clock import MonotonicClock
from labrig.instruments.drivers import ProgrammerCapabilities
from labrig.simulation.faults import PowerFault
from labrig.virtual_instruments.counterpart import Entry, each_on_its_own
from labrig.virtual_instruments.digipot.board import VirtualDigipotBoard
from labrig.virtual_instruments.digipot.rheostats import Rheostats, refusals
from labrig.virtual_instruments.faulty_line import FaultyLine
from labrig.virtual_instruments.serial_server import serve
from labrig.virtual_instruments.virtual_bench import VirtualBench


@each_on_its_own
@contextmanager
def banks(bench: VirtualBench, entry: Entry) -> Iterator[str]:
    """Serve one bank and yield its `socket://` URL."""
    able, name = entry.capabilities, entry.name
    assert isinstance(able, ProgrammerCapabilities)
    rheostats = Rheostats(bench, entry)
    board = VirtualDigipotBoard(len(able.channels), able.part, clock=MonotonicClock(), on_codes=rheostats.set)
    bench.faults.when_begun(name, PowerFault, lambda _: board.power_cycle())
    line = FaultyLine(board, bench.faults, name, bench.seed, before_message=refusals(board, bench, [name]))
    with serve(line) as url:
        yield url
