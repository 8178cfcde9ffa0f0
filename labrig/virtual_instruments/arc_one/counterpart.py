"""The virtual counterpart of `arc.one`: a board and a relay, each on its own serial line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from labrig.virtual_instruments.arc_one.board import VirtualArcOne, VirtualRelay
from labrig.virtual_instruments.counterpart import Endpoint, Entry
from labrig.virtual_instruments.faulty_line import FaultyLine
from labrig.virtual_instruments.serial_server import serve
from labrig.virtual_instruments.virtual_bench import VirtualBench


@contextmanager
def programmers(bench: VirtualBench, entries: Sequence[Entry]) -> Iterator[Sequence[Endpoint]]:
    """Serve the boards and their relays."""
    cells = bench.world.cells
    endpoints: list[Endpoint] = []
    with ExitStack() as stack:
        for entry in entries:
            board = VirtualArcOne(cells, entry.name, bench.lock, bench.clock)
            relay = VirtualRelay(cells, entry.name, bench.lock, bench.clock)
            url = stack.enter_context(serve(FaultyLine(board, bench.faults, entry.name, bench.seed)))
            switch = stack.enter_context(serve(relay))
            endpoints.append(Endpoint(entry.name, entry.model, url, {"resource": url, "relay": switch}))
        yield endpoints
