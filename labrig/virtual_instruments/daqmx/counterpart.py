"""The virtual counterpart of `ni.ai` and `ni.ao`: one gRPC device server for all NI devices of a bench."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from labrig.virtual_instruments.counterpart import Endpoint, Entry
from labrig.virtual_instruments.daqmx.models import VirtualDevice
from labrig.virtual_instruments.daqmx.server import DaqmxServer
from labrig.virtual_instruments.virtual_bench import VirtualBench

FIRST_SERIAL = 0x01ABCDEF


@contextmanager
def devices(bench: VirtualBench, entries: Sequence[Entry]) -> Iterator[list[Endpoint]]:
    """Serve these devices; an endpoint is the server's address and the device's name."""
    boards = [
        VirtualDevice.of(
            entry.model,
            name=entry.options["resource"],
            instrument=entry.name,
            sample_clock=entry.options.get("sample_clock") or "",
            serial=int(entry.options["serial"] or f"{FIRST_SERIAL + number:08X}", 16),
        )
        for number, entry in enumerate(entries)
    ]
    server = DaqmxServer(bench, boards)
    try:
        address = f"127.0.0.1:{server.start()}"
        yield [
            Endpoint(
                entry.name,
                entry.model,
                f"grpc://{address}/{board.name}",
                {"grpc": address, "resource": board.name},
            )
            for entry, board in zip(entries, boards, strict=True)
        ]
    finally:
        server.stop()
