"""What the one-board bench must do on a simulated microcontroller, at the highest rates that it accepts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from firmware.bus_chips import Mcp4922
from firmware.one_board import INPUTS, LAST, MIDDLE, OUTPUTS, SAMPLE, SOURCES, outputs, played, reading, sample, scans
from firmware.wire import OK, OUT_OF_RANGE, SAFE, Host, Reply, replies, request


class OneBoardBus(Protocol):
    """Its converters. latched_at: cycles of 16 MHz."""

    latched_at: list[int]
    errors: list[str]
    converters: list[Mcp4922]


class TimedOneBoard(Protocol):
    """A board with converters, the processor of which is simulated."""

    @property
    def bus(self) -> OneBoardBus: ...

    def receive(self, data: bytes) -> bytes: ...

    def send(self, data: bytes) -> None:
        """Put bytes on the line; they go out while the processor runs."""
        ...

    def collected(self, duration_ms: float) -> bytes:
        """What the board sends on its own within so much time."""
        ...

    def outputs(self) -> Sequence[int | None]: ...

    def codes(self) -> dict[int, int | None]: ...


def unevenness(board: TimedOneBoard, inputs: int, scans_wanted: int, seed: int) -> float:
    """Take scans at the shortest period that the board accepts, and check every code.

    Returns the largest difference between a period of the outputs and what was asked (cycles).
    """
    rng, host = random.Random(seed), Host(board, sequence=1000 * seed)
    tones = [(source, rng.randrange(1, 128), rng.randrange(256), rng.randrange(-900, 900)) for source in range(3)]
    levels = [rng.randrange(1000, 3000) for _ in range(SOURCES)]
    assert host(OUTPUTS, outputs(levels, tones)).status == OK
    assert board.outputs() == levels
    chosen = rng.sample(range(INPUTS), inputs)
    period = 500 + 500 * inputs + 230 * len(tones)
    assert host(SAMPLE, sample(period - 1, scans_wanted, chosen)).status == OUT_OF_RANGE
    board.bus.latched_at.clear()
    said = board.receive(request(SAMPLE, 1000 * seed + 500, sample(period, scans_wanted, chosen)))
    answer, *blocks = replies(said + board.collected(scans_wanted * period / 16000 + 4))
    assert (answer.op, answer.status) == (SAMPLE, OK)
    found = [scans(block, inputs) for block in blocks]
    assert [row for each in found for row in each.codes] == [
        [reading(each, played(levels, tones, scan)) for each in chosen] for scan in range(scans_wanted)
    ]
    assert [each.flags for each in found] == [0] * (len(found) - 1) + [LAST]
    assert board.outputs() == levels
    status = host.status()
    assert (status["overruns"], status["dropped"]) == (0, 0)
    assert not board.bus.errors
    assert not any(converter.errors for converter in board.bus.converters)
    return float(abs(np.diff(board.bus.latched_at[:scans_wanted]) - period).max())


def tries_until_safe(board: TimedOneBoard, inputs: int, attempts: int, seed: int) -> list[int]:
    """How often SAFE must be sent while scans are taken at the shortest period, at so many different times.

    Then the outputs must be at rest, and all terminals open.
    """
    rng, host = random.Random(seed), Host(board, sequence=30_000 + 1000 * seed)
    levels = [rng.randrange(1000, 1900) for _ in range(SOURCES)]
    tones = [(source, rng.randrange(1, 128), rng.randrange(256), rng.randrange(-900, 900)) for source in range(3)]
    period = 500 + 500 * inputs + 230 * len(tones)
    needed: list[int] = []
    for _ in range(attempts):
        assert host.arm().status == OK
        assert host(OUTPUTS, outputs(levels, tones)).status == OK
        host.sequence += 1
        board.receive(request(SAMPLE, host.sequence, sample(period, 60_000, range(inputs))))
        board.collected(rng.uniform(5, 5 + period / 16000))
        assert None not in board.codes().values()
        host.sequence += 1
        tries = 1
        while not _obeys_safe(board, host.sequence) and tries < 5:
            tries += 1
        needed.append(tries)
        assert board.outputs() == [MIDDLE] * SOURCES
        assert set(board.codes().values()) == {None}
    return needed


def _obeys_safe(board: TimedOneBoard, sequence: int) -> bool:
    """Whether the reply comes within 20 ms."""
    board.send(request(SAFE, sequence))
    answers = whole(board.collected(20))
    return any((reply.op, reply.sequence, reply.status) == (SAFE, sequence, OK) for reply in answers)


def whole(said: bytes) -> list[Reply]:
    """The replies among bytes of which the first and last frames may be cut off."""
    return replies(said[said.find(0) : said.rfind(0) + 1])
