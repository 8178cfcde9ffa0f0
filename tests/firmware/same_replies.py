"""Random frames, pauses, resets and faults for several boards: the same replies, and the same codes in the chips."""

from __future__ import annotations

import random
import struct
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from firmware.boards import FirmwareBoard, PythonBoard
from firmware.chips import MCP4251, Built
from firmware.wire import (
    ARM,
    COMMIT,
    OK,
    READ,
    STAGE,
    STAGE_COMMIT,
    STATUS,
    TABLE_MISMATCH,
    cobs,
    replies,
    request,
    run,
    sealed,
    table_crc,
)

BANKS = (1, 4, 64, 127, 128)
"""Channels."""
ALONE = -1
"""Counted with the statuses: frames that were sent without a request."""
OPS = (1, 2, 3, 3, 4, 4, 5, 6, 7, 7, 8, 8, 8, 8)


class Generator:
    """Frames of one conversation. It follows the staged table, and stages all anew when lost: many commits succeed."""

    def __init__(self, rng: random.Random, channels: int, watchdogs_ms: Sequence[int], highest: int = 256) -> None:
        self.rng = rng
        self.channels = channels
        self.watchdogs_ms = watchdogs_ms
        self.highest = highest
        self.table = [(highest + 1) // 2] * channels
        self.sequence = rng.randrange(65536)
        self.last = b""
        self.answer = b""
        self.lost = False

    def wire(self) -> bytes:
        """The next bytes on the wire: mostly a frame."""
        rng = self.rng
        choice = rng.random()
        if choice < 0.03:
            return rng.randbytes(rng.randrange(700))
        if choice < 0.06:
            return self.answer  # an echo
        if choice < 0.13:
            return self.last  # a repetition
        frame = self.frame()
        self.last = frame
        if choice < 0.17:
            return frame[: rng.randrange(len(frame))]
        if choice < 0.23:
            return self.mutated(frame)
        if choice < 0.27:
            return rng.randbytes(rng.randrange(20)) + frame + frame
        return frame

    def frame(self) -> bytes:
        rng = self.rng
        if rng.random() < 0.9:
            self.sequence = (self.sequence + 1) & 0xFFFF
        if self.lost:
            self.lost = False
            return request(STAGE, self.sequence, run(0, self.table))
        op = rng.choice(OPS) if rng.random() < 0.98 else rng.randrange(128)
        payload = self.payload(op)
        choice = rng.random()
        if choice < 0.02:  # good CRC, bad content
            payload = payload[: rng.randrange(len(payload) + 1)]
        elif choice < 0.04:
            payload += rng.randbytes(rng.randrange(300))
        elif choice < 0.05:
            return sealed(rng.randbytes(rng.randrange(300)))
        return request(op, self.sequence, payload, version=1 if rng.random() < 0.98 else rng.randrange(256))

    def payload(self, op: int) -> bytes:
        rng = self.rng
        if op == STAGE:
            return self.setpoints(self.table)
        if op == COMMIT:
            return table_crc(self.table)
        if op == STAGE_COMMIT:
            setpoints = self.setpoints(self.table)
            return table_crc(self.table) + setpoints
        if op == READ:
            first = rng.randrange(self.channels)
            return bytes([first, rng.randrange(self.channels - first + (rng.random() < 0.1) * 3 + 1)])
        if op == ARM:
            return struct.pack("<H", rng.choice(self.watchdogs_ms))
        return b""

    def setpoints(self, table: list[int]) -> bytes:
        rng = self.rng
        count = rng.randrange(self.channels + 1)
        below = self.highest + 1
        codes = [rng.randrange(below) if rng.random() < 0.999 else rng.randrange(65536) for _ in range(count)]
        if rng.random() < 0.5:
            first = rng.randrange(self.channels - count + 1 + (rng.random() < 0.05))
            channels = range(first, first + count)
            body = struct.pack(f"<BB{count}H", 0, first, *codes)
        else:
            channels = [rng.randrange(self.channels + (rng.random() < 0.001)) for _ in range(min(count, 88))]
            body = b"\1" + b"".join(struct.pack("<BH", *pair) for pair in zip(channels, codes, strict=False))
        for channel, code in zip(channels, codes, strict=False):
            if channel < self.channels:
                table[channel] = code
        return body

    def mutated(self, frame: bytes) -> bytes:
        changed = bytearray(frame)
        for _ in range(self.rng.randrange(1, 4)):
            changed[self.rng.randrange(len(changed))] = self.rng.randrange(256)
        return bytes(changed)

    def heard(self, answer: bytes) -> list[int]:
        """Statuses of the replies."""
        self.answer = answer
        statuses = [reply.status for reply in replies(answer)]
        self.lost |= TABLE_MISMATCH in statuses
        return statuses


def disturb(rng: random.Random, boards: Sequence, channels: int, built: Built = MCP4251) -> bool:
    """Now and then a reset or a fault, the same for all. Chips fall silent as a whole, and have one fault at a time.

    True if something happened.
    """
    choice = rng.random()
    channel, code, cause = rng.randrange(channels), rng.randrange(built.highest + 1), rng.choice((1, 2, 4, 8))
    first = channel - channel % built.rheostats
    chip = range(first, min(first + built.rheostats, channels))
    for board in boards:
        if choice < 0.005:
            board.reset(cause)
        elif choice < 0.008:
            board.power_cycle()
        elif choice < 0.078:
            for each in chip:
                board.heal(each)
            if choice < 0.028:
                board.stick(channel, code)
            elif choice < 0.038:
                for each in chip:
                    board.silence(each)
    return choice < 0.078


def converse(
    library: Path,
    seed: int,
    channels: int,
    frames: int,
    python_board: type[PythonBoard] = PythonBoard,
    native_board: type[FirmwareBoard] = FirmwareBoard,
    generate: type[Generator] = Generator,
    built: Built = MCP4251,
) -> Counter[int]:
    """The Python board and the core as a library, byte by byte. Returns how often each status was met."""
    rng = random.Random(seed)
    boot_id = rng.randrange(65536)
    boards = python, native = python_board(channels, boot_id, built.part), native_board(library, channels, boot_id)
    generator = generate(rng, channels, (0, 0, 5, 50, 500), built.highest)
    met: Counter[int] = Counter()
    for number in range(frames):
        if rng.random() < 0.4:
            pause_ms = rng.randrange(120)
            for board in boards:
                board.wait_ms(pause_ms)
            sent = python.take()
            assert native.take() == sent, f"before frame {number}"
            met.update([ALONE] * len(replies(sent)))
        disturb(rng, boards, channels, built)
        data = generator.wire()
        answer = python.receive(data)
        assert native.receive(data) == answer, f"frame {number}: {data.hex(' ')}"
        assert native.codes() == python.codes(), f"after frame {number}: {data.hex(' ')}"
        assert native.outputs() == python.outputs(), f"after frame {number}: {data.hex(' ')}"
        met.update(generator.heard(answer))
    return met


def without_uptime(answer: bytes) -> bytes:
    """As it came; but a STATUS decoded, without uptime and CRC."""
    if [(reply.op, reply.status) for reply in replies(answer)] != [(STATUS, OK)]:
        return answer
    start, chunk, end = answer.split(b"\0")
    frame = cobs.decode(chunk)
    return start + frame[:10] + frame[14:-2] + end
