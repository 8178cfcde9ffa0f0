"""The AVR program joins the random frames of same_replies.py."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

from firmware.avr_board import FIRST_BOOT, AvrBoard
from firmware.boards import FirmwareBoard, PythonBoard
from firmware.same_replies import Generator, disturb
from firmware.wire import OK, STATUS, cobs, replies


def converse_with_avr(library: Path, elf: Path, seed: int, channels: int, frames: int) -> Counter[int]:
    """As `converse`, with the AVR program as third board, the cycles of which are the time of all three.

    Its replies take time, so it gets one frame at a time, as the protocol asks of hosts, and a silence is either far
    shorter than a watchdog or far longer. After a fault or a repair there is time for two rounds of opening terminals:
    within a round the boards need not be at the same channel.
    """
    rng = random.Random(seed)
    avr = AvrBoard(elf, channels)
    python, native = PythonBoard(channels, FIRST_BOOT), FirmwareBoard(library, channels, FIRST_BOOT)
    boards = (python, native, avr)
    generator = Generator(rng, channels, watchdogs_ms=(0, 0, 400))
    met: Counter[int] = Counter()
    past_ms = int(1000 * avr.now_s())

    def catch_up() -> None:
        nonlocal past_ms
        behind_ms = int(1000 * avr.now_s()) - past_ms
        past_ms += behind_ms
        python.wait_ms(behind_ms)
        native.wait_ms(behind_ms)

    for number in range(frames):
        if rng.random() < 0.4:
            avr.wait_ms(rng.choice((1, 2, 5, 10, 800)))
            catch_up()
        if disturb(rng, boards, channels) and not python.armed:
            avr.wait_ms(3 * channels)
        catch_up()
        data = generator.wire() + b"\0" * (number == frames - 1)  # the last may be cut off just before its end
        for part in re.findall(rb"[^\0]*\0|[^\0]+", data):
            answer = python.receive(part)
            assert native.receive(part) == answer, f"frame {number}: {data.hex(' ')}"
            said = avr.receive(part, expected=answer.count(0) // 2)
            assert without_uptime(said) == without_uptime(answer), f"frame {number}: {data.hex(' ')}"
            catch_up()
            met.update(generator.heard(answer))
        codes = python.codes()
        assert native.codes() == codes, f"after frame {number}: {data.hex(' ')}"
        assert avr.codes() == codes, f"after frame {number}: {data.hex(' ')}"
    assert avr.receive(b"\0") == b"", "a reply too many"
    return met


def without_uptime(answer: bytes) -> bytes:
    """As it came; but a STATUS decoded, without uptime and CRC."""
    if [(reply.op, reply.status) for reply in replies(answer)] != [(STATUS, OK)]:
        return answer
    start, chunk, end = answer.split(b"\0")
    frame = cobs.decode(chunk)
    return start + frame[:10] + frame[14:-2] + end
