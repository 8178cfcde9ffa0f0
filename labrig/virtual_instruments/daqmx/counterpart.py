"""The virtual counterpart of `ni.ai` and `ni.ao`: one gRPC device server for all NI devices of a bench."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from labrig.instruments.data import plain_model
from labrig.instruments.drivers import DigitizerCapabilities, SourceCapabilities
from labrig.virtual_instruments.counterpart import Endpoint, Entry
from labrig.virtual_instruments.daqmx.models import MODELS, PFI, VirtualDevice, chassis, plain
from labrig.virtual_instruments.daqmx.server import DaqmxServer
from labrig.virtual_instruments.virtual_bench import VirtualBench

FIRST_SERIAL = 0x01ABCDEF
DEFAULT_CHASSIS = "cDAQ-9174"


@contextmanager
def devices(bench: VirtualBench, entries: Sequence[Entry]) -> Iterator[list[Endpoint]]:
    """Serve these devices, and the chassis of those that are modules.

    Yields one endpoint per device: the server's address and the device's name.
    """
    boards = [_board(entry, FIRST_SERIAL + number) for number, entry in enumerate(entries)]
    housings = {
        board.chassis: chassis(entry.options.get("chassis") or DEFAULT_CHASSIS, board.chassis, entry.name)
        for entry, board in zip(entries, boards, strict=True)
        if board.chassis
    }
    server = DaqmxServer(bench, [*housings.values(), *boards])
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


def _board(entry: Entry, serial: int) -> VirtualDevice:
    """The board of an entry: of a known model, or as the entry describes it."""
    options = entry.options
    known = MODELS.get(plain(entry.model)) if options.get("card") is None else None
    board = replace(
        known or _described(entry),
        name=options["resource"],
        model=entry.model,
        instrument=entry.name,
        serial=int(options["serial"], 16) if options["serial"] else serial,
        sample_clock=options.get("sample_clock") or "",
    )
    if re.fullmatch(r"9\d{3}", plain_model(entry.model)) is None:
        return board
    slot = re.fullmatch(r"(.+)Mod\d+", board.name)
    return replace(board, chassis=slot[1] if slot else "cDAQ1")


def _described(entry: Entry) -> VirtualDevice:
    """A board as described by `card:`, with values from its capabilities for facts that `card:` does not give."""
    card = {key: value for key, value in (entry.options["card"] or {}).items() if value is not None}
    known = MODELS.get(plain(entry.model), VirtualDevice("", "", "", start_outputs=PFI, clock_outputs=PFI))
    known = replace(known, timebase_hz=card.get("timebase", known.timebase_hz))
    able = entry.capabilities
    if isinstance(able, DigitizerCapabilities):
        return replace(
            known,
            ai_channels=card.get("channels", known.ai_channels),
            bits=able.bits,
            ai_max_single_rate_hz=card.get("single_rate", known.ai_max_single_rate_hz),
            ai_max_multi_rate_hz=card.get("multi_rate", known.ai_max_multi_rate_hz),
            ai_ranges_v=tuple(card.get("ranges", known.ai_ranges_v)),
            simultaneous=able.convert_interval_s == 0,
            single_ended="rse" in card["terminals"] if "terminals" in card else known.single_ended,
        )
    assert isinstance(able, SourceCapabilities)
    single_hz = card.get("single_rate", known.ao_max_rate_hz)
    all_hz = card.get("all_rate")
    return replace(
        known,
        ao_channels=len(able.channels),
        ao_max_rate_hz=single_hz,
        ao_rates_hz=known.ao_rates_hz if all_hz is None else (single_hz, *(all_hz,) * (len(able.channels) - 1)),
        ao_full_scale_v=able.full_scale_v,
        ao_bits=able.bits,
        ao_settle_s=able.settle_s,
    )
