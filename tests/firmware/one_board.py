"""What a test of the one-board bench needs on the host's side, written from the specification."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from firmware.wire import Reply

OUTPUTS, SAMPLE, HALT, REST, SCANS = range(9, 14)
BUSY = 8
SOURCES, INPUTS = 12, 16
MIDDLE = 2048
LATE, LAST = 1, 2


def reading(number: int, codes: Sequence[int]) -> int:
    """The code of an input of the simulated converters, which depends on all outputs."""
    return (number + sum((2 * source + 3 * number + 1) * code for source, code in enumerate(codes))) & 0xFFF


def outputs(levels: Iterable[int], partials: Iterable[tuple[int, int, int, int]] = ()) -> bytes:
    """Levels of all sources; partials are source, step, phase, amplitude."""
    levels = list(levels)
    return struct.pack(f"<{len(levels)}H", *levels) + b"".join(struct.pack("<BBBh", *each) for each in partials)


def sample(period: int, scans: int, inputs: Iterable[int]) -> bytes:
    return struct.pack("<HH", period, scans) + bytes(inputs)


@dataclass(frozen=True)
class Scans:
    first: int
    flags: int
    codes: list[list[int]]


def scans(reply: Reply, inputs: int) -> Scans:
    first, count, flags = struct.unpack_from("<HBB", reply.body)
    packed = reply.body[4:]
    assert len(packed) == (3 * count * inputs + 1) // 2
    flat = [
        int.from_bytes(packed[3 * (k // 2) + k % 2 : 3 * (k // 2) + k % 2 + 2], "little") >> (4 * (k % 2)) & 0xFFF
        for k in range(count * inputs)
    ]
    return Scans(first, flags, [flat[k : k + inputs] for k in range(0, len(flat), inputs)])


def cosine(at: int) -> int:
    return round(16384 * math.cos(2 * math.pi * (at % 256) / 256))


def played(levels: Sequence[int], partials: Iterable[tuple[int, int, int, int]], scan: int) -> list[int]:
    """The codes of all outputs at a scan."""
    sums: dict[int, int] = {}
    for source, step, phase, amplitude in partials:
        sums[source] = sums.get(source, 0) + amplitude * cosine(phase + step * scan)
    return [level + ((sums.get(source, 0) + (1 << 15)) >> 16) for source, level in enumerate(levels)]

