"""The host's side of the protocol, as small as a test needs it, with the `cobs` package."""

from __future__ import annotations

import binascii
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pytest

cobs = pytest.importorskip("cobs.cobs", reason="the `cobs` package is not installed")

HELLO, STATUS, STAGE, COMMIT, READ, SAFE, ARM, STAGE_COMMIT = range(1, 9)
OK, BAD_VERSION, BAD_OP, MALFORMED, OUT_OF_RANGE, NOT_ARMED, TABLE_MISMATCH, VERIFY_FAILED = range(8)

STATUS_FIELDS = (
    *("state", "watchdog", "uptime", "accepted", "dropped", "repeated", "trips", "overruns"),
    *("terminal_faults", "table"),
)


def crc16(data: bytes) -> int:
    return binascii.crc_hqx(data, 0xFFFF)


def sealed(raw: bytes) -> bytes:
    return b"\0" + cobs.encode(raw + struct.pack(">H", crc16(raw))) + b"\0"


def request(op: int, sequence: int, payload: bytes = b"", version: int = 1) -> bytes:
    return sealed(struct.pack("<BBH", version, op, sequence) + payload)


@dataclass(frozen=True)
class Reply:
    op: int
    sequence: int
    status: int
    boot_id: int
    body: bytes


def replies(data: bytes) -> list[Reply]:
    """Every chunk must be a good reply: a board sends nothing else."""
    found = []
    for chunk in filter(None, data.split(b"\0")):
        frame = cobs.decode(chunk)
        assert crc16(frame) == 0
        version, op, sequence, status, boot_id = struct.unpack_from("<BBHBH", frame)
        assert version == 1
        assert op & 0x80
        found.append(Reply(op & 0x7F, sequence, status, boot_id, frame[7:-2]))
    return found


def run(first: int, codes: Iterable[int]) -> bytes:
    codes = list(codes)
    return struct.pack(f"<BB{len(codes)}H", 0, first, *codes)


def pairs(codes: Mapping[int, int]) -> bytes:
    return b"\1" + b"".join(struct.pack("<BH", channel, code) for channel, code in codes.items())


def table_crc(codes: Iterable[int]) -> bytes:
    codes = list(codes)
    return struct.pack("<H", crc16(struct.pack(f"<{len(codes)}H", *codes)))


class Host:
    """Numbers requests; `board` is anything with `receive(bytes) -> bytes`."""

    def __init__(self, board, sequence: int = 0) -> None:
        self.board = board
        self.sequence = sequence

    def __call__(self, op: int, payload: bytes = b"", version: int = 1) -> Reply:
        self.sequence = (self.sequence + 1) & 0xFFFF
        (reply,) = replies(self.board.receive(request(op, self.sequence, payload, version)))
        assert (reply.op, reply.sequence) == (op, self.sequence)
        return reply

    def arm(self, watchdog_ms: int = 0) -> Reply:
        return self(ARM, struct.pack("<H", watchdog_ms))

    def status(self) -> dict[str, int]:
        """What a bank says of itself; a board with converters adds to it."""
        return dict(zip(STATUS_FIELDS, struct.unpack_from("<BHIHHHHHBH", self(STATUS).body), strict=True))

    def read(self, first: int, count: int) -> list[int]:
        return list(struct.unpack(f"<{count}H", self(READ, bytes([first, count])).body))
