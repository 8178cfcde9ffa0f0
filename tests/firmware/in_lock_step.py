"""A program on a simulated microcontroller joins the random frames of same_replies.py."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path
from typing import Protocol

from firmware.boards import FIRST_BOOT, FirmwareBoard, PythonBoard
from firmware.chips import MCP4251, Built
from firmware.same_replies import Generator, disturb, without_uptime
from firmware.wire import STAGE_COMMIT, Host, pairs, run, table_crc


class TimedBoard(Protocol):
    """A board, the processor of which is simulated: the time of all others."""

    def __init__(self, elf: Path, channels: int) -> None: ...

    def now_s(self) -> float: ...

    def wait_ms(self, duration_ms: float) -> None: ...

    def receive(self, data: bytes, expected: int) -> bytes: ...

    def codes(self) -> dict[int, int | None]: ...


def converse_in_lock_step(
    library: Path,
    elf: Path,
    seed: int,
    channels: int,
    frames: int,
    board: type[TimedBoard],
    built: Built = MCP4251,
) -> Counter[int]:
    """As `converse`, with such a board as third one.

    Its replies take time, so it gets one frame at a time, as the protocol asks of hosts, and a silence is either far
    shorter than a watchdog or far longer. After a fault or a repair there is time for two rounds of opening terminals:
    within a round the boards need not be at the same channel.
    """
    rng = random.Random(seed)
    timed = board(elf, channels)
    python, native = PythonBoard(channels, FIRST_BOOT, built.part), FirmwareBoard(library, channels, FIRST_BOOT)
    boards = (python, native, timed)
    generator = Generator(rng, channels, (0, 0, 400), built.highest)
    met: Counter[int] = Counter()
    past_ms = int(1000 * timed.now_s())

    def catch_up() -> None:
        nonlocal past_ms
        behind_ms = int(1000 * timed.now_s()) - past_ms
        past_ms += behind_ms
        python.wait_ms(behind_ms)
        native.wait_ms(behind_ms)

    for number in range(frames):
        if rng.random() < 0.4:
            timed.wait_ms(rng.choice((1, 2, 5, 10, 800)))
            catch_up()
        if disturb(rng, boards, channels, built) and not python.armed:
            timed.wait_ms(3 * channels)
        catch_up()
        data = generator.wire() + b"\0" * (number == frames - 1)  # the last may be cut off just before its end
        for part in re.findall(rb"[^\0]*\0|[^\0]+", data):
            answer = python.receive(part)
            assert native.receive(part) == answer, f"frame {number}: {data.hex(' ')}"
            said = timed.receive(part, expected=answer.count(0) // 2)
            assert without_uptime(said) == without_uptime(answer), f"frame {number}: {data.hex(' ')}"
            catch_up()
            met.update(generator.heard(answer))
        codes = python.codes()
        assert native.codes() == codes, f"after frame {number}: {data.hex(' ')}"
        assert timed.codes() == codes, f"after frame {number}: {data.hex(' ')}"
    assert timed.receive(b"\0") == b"", "a reply too many"
    return met


def time_of_a_step_ms(board: TimedBoard, channels: int, changed: int) -> float:
    """Simulated time in which so many channels are changed, written and verified by one STAGE_COMMIT."""
    rng = random.Random(channels)
    host = Host(board)
    host.arm()
    table = host.read(0, channels)
    new = {channel: rng.randrange(1, 128) for channel in sorted(rng.sample(range(channels), changed))}
    for channel, code in new.items():
        table[channel] = code
    setpoints = min(pairs(new), run(0, table), key=len)
    start_s = board.now_s()
    reply = host(STAGE_COMMIT, table_crc(table) + setpoints)
    took_ms = 1000 * (board.now_s() - start_s)
    assert reply.body == bytes([changed, 0])
    assert list(board.codes().values()) == table
    return took_ms
