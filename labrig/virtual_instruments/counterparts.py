"""Which virtual instruments stand behind which drivers: a small table, and how each is built around a bench."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np

from labrig.clock import MonotonicClock
from labrig.errors import ConfigError
from labrig.instruments.drivers import ProgrammerCapabilities
from labrig.virtual_instruments.bench_side import BenchSide
from labrig.virtual_instruments.digipot.board import VirtualDigipotBoard
from labrig.virtual_instruments.faulty_line import FaultyLine
from labrig.virtual_instruments.serial_server import serve
from labrig.virtual_instruments.serving import Endpoint, Entry, VirtualInstruments

if TYPE_CHECKING:
    from labrig.virtual_instruments.scpi.servers import Server
    from labrig.virtual_instruments.siglent.generator import VirtualSdg


class DaqmxInstruments:
    """Every NI device of a bench behind one gRPC device server."""

    def __init__(self, side: BenchSide, entries: Sequence[Entry]) -> None:
        from labrig.virtual_instruments.daqmx.device import VirtualDevice
        from labrig.virtual_instruments.daqmx.server import DaqmxServer

        self._entries = entries
        self._devices = [
            VirtualDevice.of(
                entry.model,
                name=entry.options["resource"],
                instrument=entry.name,
                sample_clock=entry.options.get("sample_clock") or "",
                serial=int(entry.options["serial"] or f"{0x01ABCDEF + number:08X}", 16),
            )
            for number, entry in enumerate(entries)
        ]
        self._server = DaqmxServer(side, self._devices)

    def start(self) -> list[Endpoint]:
        port = self._server.start()
        return [
            Endpoint(entry.name, entry.model, f"grpc://127.0.0.1:{port}/{device.name}")
            for entry, device in zip(self._entries, self._devices, strict=True)
        ]

    def stop(self) -> None:
        self._server.stop()


class SiglentInstruments:
    """Generators, each behind a port of its own: a raw socket where the configuration names one, else VXI-11."""

    def __init__(self, side: BenchSide, entries: Sequence[Entry]) -> None:
        self._side = side
        self._entries = entries
        self._stack = ExitStack()

    def start(self) -> list[Endpoint]:
        from labrig.virtual_instruments.scpi.servers import SocketServer, Vxi11Server
        from labrig.virtual_instruments.siglent.generator import VirtualSdg

        endpoints = []
        for entry in self._entries:
            serial = entry.options["serial"] or f"SDG2X{entry.name.upper()}"
            sdg = VirtualSdg(self._side, entry.name, entry.model, serial)
            front_end = SocketServer if entry.options["resource"].endswith("::SOCKET") else Vxi11Server
            faults = self._side.world.faults
            server = self._stack.enter_context(front_end(sdg, schedule=faults, name=entry.name))
            faults.when(entry.name, "reset", _power_failure(sdg, server))
            endpoints.append(Endpoint(entry.name, entry.model, server.resource))
        return endpoints

    def stop(self) -> None:
        self._stack.close()


def _power_failure(sdg: VirtualSdg, server: Server) -> Callable[[float], None]:
    def fail(t: float) -> None:
        sdg.power_cycle()
        server.cut()

    return fail


class DigipotInstruments:
    """Banks of potentiometers, each a board behind `socket://`."""

    def __init__(self, side: BenchSide, entries: Sequence[Entry]) -> None:
        self._side = side
        self._entries = entries
        self._stack = ExitStack()

    def start(self) -> list[Endpoint]:
        endpoints = []
        for entry in self._entries:
            able = entry.capabilities
            assert isinstance(able, ProgrammerCapabilities)
            show = self._shown(entry, able)
            board = VirtualDigipotBoard(len(able.channels), able.part.part, clock=MonotonicClock(), on_codes=show)
            line = FaultyLine(board, self._side.world.faults, entry.name, self._side.seed)
            endpoints.append(Endpoint(entry.name, entry.model, self._stack.enter_context(serve(line))))
        return endpoints

    def stop(self) -> None:
        self._stack.close()

    def _shown(self, entry: Entry, able: ProgrammerCapabilities) -> Callable[[Mapping[int, int | None]], None]:
        """What the World sees of a board's codes."""

        def show(codes: Mapping[int, int | None]) -> None:
            wired = self._side.world.wiring.edges
            siemens = {}
            for channel, code in codes.items():
                edge = wired.get(f"{entry.name}/{able.channels[channel]}")
                if edge is not None:
                    ohm = entry.end_to_end_ohm[channel]
                    siemens[edge] = (
                        OPEN_TERMINALS_S if code is None else float(able.part.conductance(np.array(code), ohm))
                    )
            if siemens:
                with self._side.lock:
                    self._side.world.set(self._side.clock(), siemens)

        return show


OPEN_TERMINALS_S = 1e-12
"""What is left of a rheostat whose terminals are disconnected."""

KINDS: dict[str, Callable[[BenchSide, Sequence[Entry]], VirtualInstruments]] = {
    "daqmx": DaqmxInstruments,
    "siglent": SiglentInstruments,
    "digipot": DigipotInstruments,
}


def counterparts(side: BenchSide, entries: Sequence[tuple[str | None, Entry]]) -> list[VirtualInstruments]:
    """Virtual instruments for (kind, entry) pairs. Raises ConfigError for a driver that has no virtual counterpart."""
    if alone := [entry.name for kind, entry in entries if kind not in KINDS]:
        raise ConfigError(
            "no virtual counterpart to the driver",
            device=", ".join(alone),
            remedy="use a driver of ni.*, siglent.sdg or labrig.digipot_bank on the wire",
        )
    return [
        build(side, mine)
        for kind, build in KINDS.items()
        if (mine := [entry for wanted, entry in entries if wanted == kind])
    ]
