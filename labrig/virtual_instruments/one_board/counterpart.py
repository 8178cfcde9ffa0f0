"""The virtual counterpart of `labrig.board.*`: the instruments at one address are one board on one serial line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, cast

from labrig.clock import MonotonicClock
from labrig.instruments.addresses import canonical
from labrig.instruments.drivers import DigitizerCapabilities, ProgrammerCapabilities, SourceCapabilities
from labrig.simulation.faults import PowerFault, SilenceFault
from labrig.virtual_instruments.counterpart import Endpoint, Entry
from labrig.virtual_instruments.digipot.rheostats import Rheostats, refusals
from labrig.virtual_instruments.faulty_line import FaultyLine
from labrig.virtual_instruments.one_board.board import VirtualOneBoard
from labrig.virtual_instruments.one_board.world_network import WorldNetwork
from labrig.virtual_instruments.serial_server import Unplugged, serve
from labrig.virtual_instruments.virtual_bench import VirtualBench

MOST_INPUTS = 16
DEFAULT_CHANNELS = 4


@contextmanager
def boards(bench: VirtualBench, entries: Sequence[Entry]) -> Iterator[Sequence[Endpoint]]:
    """Serve the boards; the endpoint of an entry is the serial line of its board."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(canonical(entry.options["resource"], look_up=False), []).append(entry)
    with ExitStack() as stack:
        urls = {key: stack.enter_context(_served(bench, group)) for key, group in groups.items()}
        yield [
            Endpoint(entry.name, entry.model, urls[canonical(entry.options["resource"], look_up=False)])
            for entry in entries
        ]


@contextmanager
def _served(bench: VirtualBench, entries: Sequence[Entry]) -> Iterator[str]:
    """Serve one board and yield its `socket://` URL."""
    by_kind = {type(entry.capabilities): entry for entry in entries}
    source, digitizer = by_kind.get(SourceCapabilities), by_kind.get(DigitizerCapabilities)
    programmer = by_kind.get(ProgrammerCapabilities)
    network = WorldNetwork(bench, source, digitizer)
    able = None if programmer is None else cast(ProgrammerCapabilities, programmer.capabilities)
    board = VirtualOneBoard(
        network,
        DEFAULT_CHANNELS if able is None else len(able.channels),
        sources=12 if source is None else len(source.capabilities.channels),  # type: ignore[union-attr]
        inputs=MOST_INPUTS if digitizer is None else len(digitizer.capabilities.channels),  # type: ignore[union-attr]
        part=None if able is None else able.part,
        clock=MonotonicClock(),
        on_codes=None if programmer is None else Rheostats(bench, programmer).set,
    )
    refuse_the_next = refusals(board, bench, [entry.name for entry in entries])
    line: Any = board
    for number, entry in enumerate(entries):
        bench.faults.when_begun(entry.name, PowerFault, lambda _: board.power_cycle())
        before = refuse_the_next if number == 0 else _nothing
        line = FaultyLine(line, bench.faults, entry.name, bench.seed, before_message=before)
    with serve(line, stream=_Stream(board, bench, line, entries)) as url:
        yield url


def _nothing() -> None:
    """Do nothing before a message."""


class _Stream:
    """The data that the board sends without a request, unless a fault makes it silent or unplugged."""

    def __init__(self, board: VirtualOneBoard, bench: VirtualBench, line: Any, entries: Sequence[Entry]) -> None:
        self._board, self._bench, self._line, self._entries = board, bench, line, entries

    def due_s(self) -> float:
        """Time until the last scans are due (s)."""
        return self._board.due_s()

    def take(self) -> bytes:
        """Blocks of scans that are due."""
        data = self._board.take()
        try:
            self._line.poll()
        except Unplugged:
            return b""
        silent = any(self._bench.faults.active(entry.name, SilenceFault) for entry in self._entries)
        return b"" if silent else data
