"""A stand-in for pyarc2 with the calls that the driver makes, on the cells of a World, and a relay beside it.

Names and order of the arguments are those of pyarc2 0.6; `test_arc_two.py` compares them with the real library.
"""

from __future__ import annotations

import threading
from types import ModuleType

from labrig_drivers import relay

from labrig.instruments.parts import find_part
from labrig.instruments.parts.memristor import Memristor
from labrig.simulation.world import Cells
from labrig.virtual_instruments.arc_one import VirtualRelay

PAIRS = ("0-16", "1-16", "7-33")
XOR_PAIRS = tuple(f"{low}-{high}" for low in range(8) for high in range(16, 22))
CALLS = {
    "read_one": ("low", "high", "vread"),
    "pulseread_one": ("low", "high", "vpulse", "nanos", "vread"),
    "connect_to_gnd": ("chans",),
    "float_all": (),
    "execute": (),
}
"""The calls that the driver makes, with their parameters."""


class ArC2Error(Exception):
    """What pyarc2 raises."""


class Bench:
    """A board with some cells, and the relay of a programmer `cells`."""

    def __init__(self, monkeypatch, ids: tuple[int, ...] = (0,), pairs: tuple[str, ...] = PAIRS) -> None:
        part = find_part("TIO2")
        assert isinstance(part, Memristor)
        self.now = 0.0
        self.ids = ids
        self.pulses: list[tuple[str, float, float]] = []
        self.floating = False
        self.next_error: Exception | None = None
        self.hangs = threading.Event()
        names = tuple(f"cells/{pair}" for pair in pairs)
        self.cells = Cells(dict.fromkeys(names, part), {name: name for name in names}, 0, lambda *_: None)
        self._relay = VirtualRelay(self.cells, "cells", threading.RLock(), lambda: self.now)
        bench = self

        class Instrument:
            def __init__(self, port: int, firmware: str, init: bool = True) -> None:
                if port not in bench.ids:
                    raise ArC2Error(f"Invalid ArC2 device id: {port}")

            def read_one(self, low: int, high: int, vread: float) -> float:
                return bench.current(low, high, vread)

            def pulseread_one(self, low: int, high: int, vpulse: float, nanos: int, vread: float) -> float:
                channel = f"cells/{low}-{high}"
                bench.now += 1e-3
                bench.pulses.append((channel, vpulse, nanos * 1e-9))
                bench.cells.pulse(bench.now, channel, vpulse, nanos * 1e-9)
                return bench.current(low, high, vread)

            def connect_to_gnd(self, chans) -> Instrument:
                return self

            def float_all(self) -> Instrument:
                bench.floating = True
                return self

            def execute(self) -> Instrument:
                return self

        library = ModuleType("pyarc2")
        library.find_ids = lambda: list(bench.ids)  # type: ignore[attr-defined]
        library.Instrument = Instrument  # type: ignore[attr-defined]
        library.ArC2Error = ArC2Error  # type: ignore[attr-defined]
        library.LIBARC2_VERSION = "0.6.0"  # type: ignore[attr-defined]
        self.library = library
        monkeypatch.setitem(__import__("sys").modules, "pyarc2", library)
        monkeypatch.setattr(relay.serial, "serial_for_url", lambda *_, **__: _Port(bench))

    def current(self, low: int, high: int, read_v: float) -> float:
        self.floating = False
        if self.next_error is not None:
            error, self.next_error = self.next_error, None
            raise error
        if self.hangs.is_set():
            threading.Event().wait(60)
        self.now += 1e-3
        return read_v * self.cells.read(self.now, f"cells/{low}-{high}", read_v, 1e-3)

    def switched(self, data: bytes) -> None:
        self._relay.receive(data)


class _Port:
    """What the relay uses of a port of pyserial."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def write(self, data: bytes) -> int:
        self._bench.switched(data)
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass
