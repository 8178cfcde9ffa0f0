"""The Python board and the firmware's core give the same replies to whatever comes, and end in the same state."""

from __future__ import annotations

import os
import random
import struct

import pytest
from firmware.boards import FirmwareBoard, PythonBoard
from firmware.wire import (
    ARM,
    COMMIT,
    READ,
    STAGE,
    STAGE_COMMIT,
    TABLE_MISMATCH,
    replies,
    request,
    run,
    sealed,
    table_crc,
)

FRAMES = 100_000 if os.environ.get("LABRIG_LONG") else 20_000
BANKS = 20
OPS = (1, 2, 3, 3, 4, 4, 5, 6, 7, 7, 8, 8, 8, 8)


class Generator:
    """Frames of one conversation. It follows the staged table, and stages all anew when lost: many commits succeed."""

    def __init__(self, rng: random.Random, channels: int) -> None:
        self.rng = rng
        self.channels = channels
        self.table = [128] * channels
        self.sequence = rng.randrange(65536)
        self.last = b""
        self.lost = False

    def wire(self) -> bytes:
        """The next bytes on the wire: mostly a frame."""
        rng = self.rng
        choice = rng.random()
        if choice < 0.03:
            return rng.randbytes(rng.randrange(700))
        if choice < 0.10:
            return self.last  # a repetition
        frame = self.frame()
        self.last = frame
        if choice < 0.14:
            return frame[: rng.randrange(len(frame))]
        if choice < 0.20:
            return self.mutated(frame)
        if choice < 0.24:
            return rng.randbytes(rng.randrange(20)) + frame + frame
        return frame

    def frame(self) -> bytes:
        rng = self.rng
        if rng.random() < 0.9:
            self.sequence = (self.sequence + 1) & 0xFFFF
        if self.lost:
            self.lost = False
            return request(STAGE, self.sequence, run(0, self.table))
        op = rng.choice(OPS) if rng.random() < 0.98 else rng.randrange(256)
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
            return struct.pack("<H", rng.choice((0, 0, 5, 50, 500)))
        return b""

    def setpoints(self, table: list[int]) -> bytes:
        rng = self.rng
        count = rng.randrange(self.channels + 1)
        codes = [rng.randrange(257) if rng.random() < 0.999 else rng.randrange(65536) for _ in range(count)]
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


def disturb(rng: random.Random, boards: list, channels: int) -> None:
    """Now and then time, a reset or a fault, the same for both."""
    choice = rng.random()
    channel, code, duration_ms = rng.randrange(channels), rng.randrange(257), rng.randrange(120)
    for board in boards:
        if choice < 0.4:
            board.wait_ms(duration_ms)
        elif choice < 0.42:
            board.stick(channel, code)
        elif choice < 0.43:
            board.silence(channel)
        elif choice < 0.47:
            board.heal(channel)
        elif choice < 0.475:
            board.reset(code & 0x0F)
        elif choice < 0.478:
            board.power_cycle()


@pytest.mark.parametrize("seed", range(BANKS))
def test_same_replies(testbed, seed):
    rng = random.Random(seed)
    channels = (1, 4, 64, 127, 128)[seed % 5]
    boot_id = rng.randrange(65536)
    boards = [PythonBoard(channels, boot_id), FirmwareBoard(testbed, channels, boot_id)]
    generator = Generator(rng, channels)
    statuses: dict[int, int] = {}
    for number in range(FRAMES // BANKS):
        disturb(rng, boards, channels)
        data = generator.wire()
        answers = [board.receive(data) for board in boards]
        assert answers[0] == answers[1], f"frame {number}: {data.hex(' ')}"
        for reply in replies(answers[0]):
            statuses[reply.status] = statuses.get(reply.status, 0) + 1
            generator.lost |= reply.status == TABLE_MISMATCH
        assert boards[0].codes() == boards[1].codes(), f"after frame {number}: {data.hex(' ')}"
    assert set(statuses) == set(range(8)), f"some status was never met: {statuses}"
