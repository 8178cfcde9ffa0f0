"""The frames of the protocol, as bytes and as values; see drivers/firmware/README.md."""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

VERSION = 1
LEAST_FRAME = 6  # version, op, sequence, CRC
REPLY_HEADER = 7  # version, op, sequence, status, boot id
REPLY_AROUND_BODY = REPLY_HEADER + 2  # and its CRC
FRAMING = 3  # both zeros and the first byte of COBS


class Op(IntEnum):
    """Operations of the protocol."""

    HELLO = 1
    STATUS = 2
    STAGE = 3
    COMMIT = 4
    READ = 5
    SAFE = 6
    ARM = 7
    STAGE_COMMIT = 8


class Status(IntEnum):
    """Status of a reply."""

    OK = 0
    BAD_VERSION = 1
    BAD_OP = 2
    MALFORMED = 3
    OUT_OF_RANGE = 4
    NOT_ARMED = 5
    TABLE_MISMATCH = 6
    VERIFY_FAILED = 7


@dataclass(frozen=True, slots=True)
class Reply:
    """One decoded reply.

    Attributes
    ----------
    version
        Protocol version of the reply.
    op, sequence
        Those of the request; bit 7 of `op` is set.
    status
        A `Status`, or a number from a newer protocol.
    boot_id
        Number of the board's last start.
    body
        Data, whose layout depends on op and status.
    """

    version: int
    op: int
    sequence: int
    status: int
    boot_id: int
    body: bytes


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE, for frames and tables."""
    return binascii.crc_hqx(data, 0xFFFF)


def frame(op: int, sequence: int, payload: bytes) -> bytes:
    """The bytes of a request on the line, with a leading zero that terminates any preceding noise."""
    from cobs import cobs

    plain = bytes((VERSION, op)) + sequence.to_bytes(2, "little") + payload
    return b"\0" + cobs.encode(plain + crc16(plain).to_bytes(2, "big")) + b"\0"


def read_reply(stuffed: bytes) -> Reply | None:
    """Decode the bytes between two zeros; None if they are not a valid reply."""
    from cobs import cobs

    try:
        plain = cobs.decode(stuffed)
    except cobs.DecodeError:
        return None
    if len(plain) < REPLY_AROUND_BODY or crc16(plain):  # the CRC over a frame including its CRC is 0
        return None
    return Reply(
        version=plain[0],
        op=plain[1],
        sequence=int.from_bytes(plain[2:4], "little"),
        status=plain[4],
        boot_id=int.from_bytes(plain[5:7], "little"),
        body=plain[REPLY_HEADER:-2],
    )


def table_crc(table: Sequence[int]) -> int:
    """CRC of a table of codes, one per channel."""
    return crc16(b"".join(code.to_bytes(2, "little") for code in table))


def setpoint_lists(table: Sequence[int], indices: Iterable[int], room: int) -> list[bytes]:
    """Encode setpoints in the shorter form: (channel, code) pairs, or a run from the lowest to the highest index.

    Parameters
    ----------
    table
        Code of every channel.
    indices
        Channels to set.
    room
        Longest list (bytes).

    Returns
    -------
    list of bytes
        At least one list, which may be empty.
    """
    chosen = sorted(indices)
    if not chosen:
        return [b"\1"]
    first, end = chosen[0], chosen[-1] + 1
    if 2 + 2 * (end - first) < 1 + 3 * len(chosen):
        step = (room - 2) // 2
        return [
            bytes((0, start)) + b"".join(code.to_bytes(2, "little") for code in table[start : min(start + step, end)])
            for start in range(first, end, step)
        ]
    step = (room - 1) // 3
    return [
        b"\1" + b"".join(bytes((index,)) + table[index].to_bytes(2, "little") for index in chosen[start : start + step])
        for start in range(0, len(chosen), step)
    ]
