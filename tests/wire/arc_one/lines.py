"""A line to a virtual ArC ONE on a clock of its own, in place of pyserial's port, which cuts off what it is told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from labrig_drivers.arc_one import ArcOne, ArcOneOptions, link

from labrig.instruments.parts import find_part
from labrig.instruments.parts.memristor import Memristor
from labrig.simulation.world import Cells
from labrig.virtual_instruments.arc_one import VirtualArcOne, VirtualRelay

CHANNELS = tuple(f"c/w{word}b{bit}" for word in (1, 2) for bit in (1, 2, 3))
Spoil = Callable[[bytes], tuple[bytes, Callable[[bytes], bytes]]]


def unspoilt(data: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
    return data, lambda reply: reply


class Bench:
    """A board with six cells and its relay. `spoil`: what arrives of a message, and of its reply."""

    def __init__(self, seed: int = 0) -> None:
        part = find_part("TIO2")
        assert isinstance(part, Memristor)
        self.now = 0.0
        self.spoil: Spoil = unspoilt
        self.sent: list[bytes] = []
        self.pulses: list[tuple[str, float, float]] = []
        lock = threading.RLock()
        edges = {channel: channel for channel in CHANNELS}
        self.cells = Cells(dict.fromkeys(CHANNELS, part), edges, seed, lambda *_: None)
        execute = self.cells.pulse

        def pulse(t: float, channel: str, volts: float, width_s: float) -> None:
            self.pulses.append((channel, volts, width_s))
            execute(t, channel, volts, width_s)

        self.cells.pulse = pulse  # type: ignore[method-assign]
        self.board = VirtualArcOne(self.cells, "c", lock, lambda: self.now)
        self.relay = VirtualRelay(self.cells, "c", lock, lambda: self.now)

    def driver(self, monkeypatch, **options: object) -> ArcOne:
        """The driver on this board. Nothing really sleeps."""
        monkeypatch.setattr(link.serial, "serial_for_url", lambda resource, *_, **__: _Port(self, resource))
        monkeypatch.setattr(time, "sleep", self.sleep)
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        given = {"resource": "socket://arc:1", "relay": "socket://relay:1", "words": 2, "bits": 3, "part": "TIO2"}
        return ArcOne("cells", ArcOneOptions.model_validate({"driver": "arc.one", **given, **options}))

    def sleep(self, duration_s: float) -> None:
        self.now += duration_s


class _Port:
    """What the driver uses of a port of pyserial."""

    def __init__(self, bench: Bench, resource: str) -> None:
        self._bench = bench
        self._relay = "relay" in resource
        self._replies = b""

    def write(self, data: bytes) -> int:
        if self._relay:
            self._bench.relay.receive(data)
            return len(data)
        self._bench.now += 1e-4
        self._bench.sent.append(data)
        arrives, reply = self._bench.spoil(data)
        self._replies += reply(self._bench.board.receive(arrives))
        return len(data)

    def read(self, count: int) -> bytes:
        found, self._replies = self._replies[:count], self._replies[count:]
        if len(found) < count:
            self._bench.now += link.REPLY_S
        return found

    @property
    def in_waiting(self) -> int:
        return len(self._replies)

    def flush(self) -> None:
        pass

    def reset_input_buffer(self) -> None:
        self._replies = b""

    def close(self) -> None:
        pass
