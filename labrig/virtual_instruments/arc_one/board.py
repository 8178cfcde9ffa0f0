"""A virtual ArC ONE: numbers as text, one per line; replies as raw little-endian float32; no frames.

Commands and the order of their numbers are as in arc-instruments/libarc1. A command waits for all its numbers, so a
command that was cut off reads the next command as its missing numbers. Unknown words and empty lines are ignored, and
so is everything that arrives while the board starts.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable

from labrig.simulation.world import Cells

NUMBERS = {"0": 7, "00": 0, "01": 2, "02": 2, "04": 2, "1": 2, "3": 4, "999": 0}
"""The commands, each with the number of numbers that follow it."""
FIRMWARE = (1, 5)
LONGEST_S = 10.0
START_S = 0.1
"""Time to start after a reset (s); a real board takes longer."""
MOST_V = 12.0


class VirtualArcOne:
    """The board, which reads and pulses the cells of the World.

    Parameters
    ----------
    cells : Cells
        The cells.
    name : str
        Name of the programmer; its channels are `name/w1b1` and so on.
    lock : lock
        Lock that is held while the cells are used.
    clock : callable
        Returns the time (s).
    """

    def __init__(self, cells: Cells, name: str, lock: threading.RLock, clock: Callable[[], float]) -> None:
        self._cells, self._name, self._lock, self._clock = cells, name, lock, clock
        self._buffer = b""
        self._words: list[str] = []
        self._read_v = 0.0
        self._initialized = False
        self._selected: tuple[float, float] | None = None
        self._ready_at = clock()

    def poll(self) -> None:
        """Do nothing: the board does nothing by itself."""

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the host and return the replies to all commands that they complete."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        replies = b""
        for line in lines:
            if self._clock() < self._ready_at:
                self._buffer = b""
                break
            word = line.decode("ascii", "replace").strip()
            if word and (self._words or word in NUMBERS):
                self._words.append(word)
            if self._words and len(self._words) > NUMBERS[self._words[0]]:
                command, *numbers = self._words
                self._words = []
                replies += self._execute(command, [_number(each) for each in numbers])
        return replies

    def _execute(self, command: str, numbers: list[float]) -> bytes:
        if command == "00":
            self._initialized, self._selected = False, None
            self._ready_at = self._clock() + START_S
            return b""
        if command == "0":
            self._initialized, self._read_v = True, numbers[6]
            return b"1\n"
        if command == "01":
            self._read_v = numbers[1]
            return b""
        if command == "02":
            self._selected = numbers[0], numbers[1]
            return b""
        if command == "999":
            return struct.pack("<2H", *FIRMWARE)
        if not self._initialized:
            return b""
        if command == "04":
            if self._selected is not None:
                self._pulse(*self._selected, *numbers)
            return b""
        if command == "3":
            self._pulse(*numbers)
        return self._read(numbers[0], numbers[1])

    def _read(self, word: float, bit: float) -> bytes:
        channel = self._channel(word, bit)
        if channel is None:
            return struct.pack("<f", 1e9)  # nothing is connected there
        with self._lock:
            return struct.pack("<f", 1 / self._cells.read(self._clock(), channel, self._read_v, 1e-3))

    def _pulse(self, word: float, bit: float, volts: float, width_s: float) -> None:
        channel = self._channel(word, bit)
        if channel is not None and width_s > 0:
            with self._lock:
                volts = min(max(volts, -MOST_V), MOST_V)
                self._cells.pulse(self._clock(), channel, volts, min(width_s, LONGEST_S))

    def _channel(self, word: float, bit: float) -> str | None:
        channel = f"{self._name}/w{word:.0f}b{bit:.0f}"
        return channel if channel in self._cells else None


class VirtualRelay:
    """The relay, which connects the network to the cells of a programmer when it is closed."""

    def __init__(self, cells: Cells, name: str, lock: threading.RLock, clock: Callable[[], float]) -> None:
        self._cells, self._name, self._lock, self._clock = cells, name, lock, clock
        self._buffer = b""
        with lock:
            cells.isolate(clock(), name)

    def poll(self) -> None:
        """Do nothing."""

    def receive(self, data: bytes) -> bytes:
        """Execute commands of four bytes: A0, the number of the relay, its state, and their sum."""
        self._buffer += data
        while len(self._buffer) >= 4:
            start, relay, on, total = self._buffer[:4]
            if start != 0xA0 or total != (start + relay + on) & 0xFF:
                self._buffer = self._buffer[1:]
                continue
            self._buffer = self._buffer[4:]
            with self._lock:
                (self._cells.connect if on else self._cells.isolate)(self._clock(), self._name)
        return b""


def _number(word: str) -> float:
    """Return the number that the board reads from a word; 0 if the word is not a number."""
    try:
        value = float(word)
    except ValueError:
        return 0.0
    return value if abs(value) < float("inf") else 0.0
