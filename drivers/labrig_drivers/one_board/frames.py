"""The ops that the one-board bench has beyond those of a bank of potentiometers; see drivers/firmware/README.md."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from labrig_drivers.digipot_bank.frames import FRAMING, REPLY_AROUND_BODY

CLOCK_HZ = 16_000_000
"""Frequency of the clock in whose cycles the period of scans is given (Hz)."""

BITS = 12
MIDDLE = 2048
"""Code of the middle of the range of an output or input, which is 0 V for the network."""

HIGHEST = 4095
"""Highest code."""

BLOCK_CODES = 64
"""Largest number of codes in one block of scans."""

SCAN_CYCLES = INPUT_CYCLES = 500
"""Clock cycles that a scan takes without inputs and tones, and that each input adds."""

SHORTEST_PERIOD, LONGEST_PERIOD = SCAN_CYCLES + INPUT_CYCLES, 0xFFFF
"""Shortest period of scans, with one input and no tones, and longest period (clock cycles)."""

PARTIALS = 16
"""Largest number of tones on all outputs together; a tone whose phase is not a multiple of 1/256 turn counts twice."""

MOST_SCANS = 0xFFFF
"""Largest number of scans in one acquisition."""

LATE, LAST = 1, 2

_BLOCK_HEADER = struct.Struct("<HBB")


class BoardOp(IntEnum):
    """Operations of the protocol; SCANS is sent by the board only."""

    OUTPUTS = 9
    SAMPLE = 10
    HALT = 11
    REST = 12
    SCANS = 13


@dataclass(frozen=True, slots=True)
class Facts:
    """What a board reports about its converters in HELLO.

    Attributes
    ----------
    sources, inputs : int
        Numbers of outputs and inputs.
    partials : int
        Largest number of tones on all outputs; a tone whose phase is not a multiple of 1/256 turn counts twice.
    """

    sources: int
    inputs: int
    partials: int

    @classmethod
    def read(cls, hello: bytes) -> Facts | None:
        """Read the body of a reply to HELLO; None for a board without converters."""
        at = 10 + hello[9] if len(hello) >= 10 else len(hello)
        return cls(*hello[at : at + 3]) if len(hello) >= at + 3 else None


@dataclass(frozen=True, slots=True)
class BoardStatus:
    """Status of the converters, which follows that of the bank in the reply to STATUS.

    Attributes
    ----------
    resting : bool
        Whether the outputs are at rest since a reset, SAFE, REST or the watchdog.
    loads : int
        Number of programs loaded since the reset, modulo 65536.
    scans : int
        Scans taken since SAMPLE.
    """

    resting: bool
    loads: int
    scans: int

    @classmethod
    def read(cls, body: bytes) -> BoardStatus | None:
        """Read the body of a reply to STATUS; None for a board without converters."""
        if len(body) < 25:
            return None
        resting, loads, scans = struct.unpack_from("<BHH", body, 20)
        return cls(bool(resting), loads, scans)


@dataclass(frozen=True, slots=True)
class ScanBlock:
    """Consecutive scans.

    Attributes
    ----------
    first : int
        Number of the first scan since SAMPLE.
    flags : int
        LATE: a scan was late, because the period is too short. LAST: these are the last scans.
    codes : (T, C) array
        Codes of the inputs, 0 to 4095.
    """

    first: int
    flags: int
    codes: NDArray[np.int16]

    @classmethod
    def read(cls, body: bytes, inputs: int) -> ScanBlock | None:
        """Read the body of a SCANS frame; None if its length does not match its number of scans."""
        if len(body) < _BLOCK_HEADER.size:
            return None
        first, count, flags = _BLOCK_HEADER.unpack_from(body)
        packed = np.frombuffer(body, np.uint8, offset=_BLOCK_HEADER.size)
        if count == 0 or len(packed) != packed_length(count * inputs):
            return None
        return cls(first, flags, unpacked(packed, count * inputs).reshape(count, inputs))


def unpacked(packed: NDArray[np.uint8], count: int) -> NDArray[np.int16]:
    """Return `count` codes of 12 bits, packed two in three bytes, lowest bits first."""
    wide = np.zeros(-(-count // 2) * 3, dtype=np.int16)
    wide[: len(packed)] = packed
    low, middle, high = wide.reshape(-1, 3).T
    return np.stack([low | (middle & 0xF) << 8, middle >> 4 | high << 4], axis=1).reshape(-1)[:count]


def packed_length(codes: int) -> int:
    """Number of bytes that hold this many codes."""
    return (3 * codes + 1) // 2


def bytes_of_scans(scans: int, inputs: int) -> int:
    """Number of bytes on the line for this many scans, in blocks of `BLOCK_CODES // inputs`."""
    each = BLOCK_CODES // inputs
    around = REPLY_AROUND_BODY + FRAMING + _BLOCK_HEADER.size
    whole, rest = divmod(scans, each)
    return whole * (around + packed_length(each * inputs)) + (around + packed_length(rest * inputs) if rest else 0)


def sample_payload(period: int, scans: int, inputs: Sequence[int]) -> bytes:
    """Payload of SAMPLE."""
    return struct.pack("<HH", period, scans) + bytes(inputs)
