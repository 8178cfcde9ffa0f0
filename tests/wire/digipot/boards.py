"""Boards to talk to: the Python one on a socket or a pseudo-terminal, the firmware's daemon, and a bad line between."""

from __future__ import annotations

import contextlib
import os
import random
import select
import subprocess
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from labrig_drivers.digipot_bank import DigipotBank, DigipotBankOptions

from labrig.virtual_instruments.digipot import VirtualDigipotBoard
from labrig.virtual_instruments.serial_server import SerialDevice

WAIT_S = 0.03  # for a reply, where a test loses many


def options(
    resource: str, chips: int = 2, part: str = "MCP4251-104", also: tuple[Any, ...] = (), **more: Any
) -> DigipotBankOptions:
    return DigipotBankOptions.model_validate(
        {
            "driver": "labrig.digipot_bank",
            "resource": resource,
            "chips": ({"part": part, "count": chips}, *also),
            "supply": ("-2.5 V", "2.5 V"),
            **more,
        }
    )


def bank(resource: str, chips: int = 2, **more: Any) -> DigipotBank:
    return DigipotBank("pots", options(resource, chips, **more))


@contextlib.contextmanager
def opened(resource: str, chips: int = 2, **more: Any) -> Iterator[DigipotBank]:
    """A bank whose terminals are connected."""
    pots = bank(resource, chips, **more)
    try:
        pots.open()
        pots.keep_alive()
        yield pots
    finally:
        pots.close()


_pulled: list[int] = []
"""Far ends of cables that were pulled out: while they are open, nobody else gets the number of the pseudo-terminal, and
behind the name that a test knows there is never a board of another one."""


def release_numbers() -> None:
    """Let the numbers of pseudo-terminals be used again."""
    while _pulled:
        os.close(_pulled.pop())


@contextlib.contextmanager
def on_a_pty(device: SerialDevice) -> Iterator[str]:
    """Serve a board on a pseudo-terminal; the end of the context is the cable pulled out."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    ended = threading.Event()

    def answer() -> None:
        while not ended.is_set():
            device.poll()
            if select.select([ours], [], [], 0.01)[0]:
                os.write(ours, device.receive(os.read(ours, 4096)))

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        ended.set()
        thread.join()
        os.close(ours)
        _pulled.append(theirs)


class Daemon:
    """The firmware's core as a process; `command` is a line for its standard input."""

    def __init__(self, program: Path, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self._process.stdout is not None
        kind, *where = self._process.stdout.readline().split()
        self.resource = where[0] if kind == "PTY" else f"socket://{where[0]}:{where[1]}"

    def command(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        return self._process.stdout.readline().strip()

    def kill(self) -> None:
        if self.resource.startswith("/dev/"):
            with contextlib.suppress(OSError):  # it was killed before
                _pulled.append(os.open(self.resource, os.O_RDWR | os.O_NOCTTY))
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


class BadLine:
    """A board behind a line that loses, bends, doubles, delays, cuts and merges what goes over it, in both directions.

    Order is kept, as on every serial line. `rate` is how often something goes wrong with a chunk.
    """

    def __init__(self, board: VirtualDigipotBoard, seed: int, rate: float, *, resets: float = 0.0) -> None:
        self._board = board
        self._random = random.Random(seed)
        self.rate = rate
        self.resets = resets
        self.faults: dict[str, int] = {}
        self.requests: list[bytes] = []
        self._there = bytearray()  # held back on the way to the board
        self._back = bytearray()

    def poll(self) -> None:
        self._board.poll()

    def receive(self, data: bytes) -> bytes:
        self.requests.append(data)
        self._maybe_reset()
        reply = self._board.receive(self._spoil(data, self._there))
        self._maybe_reset()
        return self._spoil(reply, self._back)

    def _maybe_reset(self) -> None:
        if self._random.random() < self.resets:
            self.faults["reset"] = self.faults.get("reset", 0) + 1
            self._board.reset()

    def _spoil(self, data: bytes, held: bytearray) -> bytes:
        data = bytes(held) + data
        held.clear()
        if not data or self._random.random() >= self.rate:
            return data
        fault: Callable[[bytes, bytearray], bytes] = self._random.choice(
            [self._drop, self._corrupt, self._duplicate, self._delay, self._truncate, self._merge, self._babble]
        )
        name = fault.__name__.strip("_")
        self.faults[name] = self.faults.get(name, 0) + 1
        return fault(data, held)

    def _drop(self, data: bytes, held: bytearray) -> bytes:
        return b""

    def _corrupt(self, data: bytes, held: bytearray) -> bytes:
        bent = bytearray(data)
        for _ in range(self._random.randint(1, 3)):
            bent[self._random.randrange(len(bent))] ^= 1 << self._random.randrange(8)
        return bytes(bent)

    def _duplicate(self, data: bytes, held: bytearray) -> bytes:
        return data * self._random.randint(2, 3)

    def _delay(self, data: bytes, held: bytearray) -> bytes:
        time.sleep(self._random.uniform(0.2, 2.2) * WAIT_S)
        return data

    def _truncate(self, data: bytes, held: bytearray) -> bytes:
        cut = self._random.randrange(len(data))
        return data[:cut] if self._random.random() < 0.5 else data[cut:]

    def _merge(self, data: bytes, held: bytearray) -> bytes:
        cut = self._random.randrange(len(data))
        held += data[cut:]
        return data[:cut]

    def _babble(self, data: bytes, held: bytearray) -> bytes:
        return self._random.randbytes(self._random.randint(1, 40)) + data
