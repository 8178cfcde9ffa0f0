"""The outputs and inputs of a virtual board: the codes it plays in each scan, and the blocks of scans it sends."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]

MIDDLE, HIGHEST = 2048, 4095
MOST_PARTIALS = 16
BLOCK_CODES = 64
PER_CODE = 4
SCAN_CYCLES, INPUT_CYCLES, PARTIAL_CYCLES = 500, 500, 230
LAST = 2
COSINE = np.rint(16384 * np.cos(2 * np.pi * np.arange(256) / 256)).astype(np.int64)


class Malformed(ValueError):
    """A payload whose form does not fit its op."""


class OutOfRange(ValueError):
    """A value that does not exist; `offender` and `value` are those of the reply."""

    def __init__(self, offender: int, value: int) -> None:
        super().__init__(offender, value)
        self.offender, self.value = offender, value


@dataclass(frozen=True, slots=True)
class Partial:
    """A tone of one output: amplitude · cosine[phase + step · n] in scan n, in quarters of a code."""

    source: int
    step: int
    phase: int
    amplitude: int


@dataclass(frozen=True)
class Program:
    """The program of all outputs.

    Attributes
    ----------
    levels : tuple of int
        Code of each output.
    partials : tuple of Partial
        The tones, in the order of the outputs.
    """

    levels: tuple[int, ...]
    partials: tuple[Partial, ...] = ()

    @classmethod
    def resting(cls, sources: int) -> Program:
        """Return the program with every output at the middle of its range."""
        return cls((MIDDLE,) * sources)

    @classmethod
    def read(cls, payload: bytes, sources: int) -> Program:
        """Read the payload of OUTPUTS; raises Malformed or OutOfRange."""
        count, rest = divmod(len(payload) - 2 * sources, 5)
        if len(payload) < 2 * sources or rest or count > MOST_PARTIALS:
            raise Malformed
        levels = struct.unpack_from(f"<{sources}H", payload)
        partials = tuple(Partial(*fields) for fields in struct.iter_unpack("<BBBh", payload[2 * sources :]))
        order = [each.source for each in partials]
        if any(source >= sources for source in order) or order != sorted(order):
            raise Malformed
        for source, level in enumerate(levels):
            swing = sum(abs(each.amplitude) for each in partials if each.source == source)
            if level > HIGHEST or swing > PER_CODE * level or PER_CODE * level + swing > PER_CODE * HIGHEST:
                raise OutOfRange(source, level)
        return cls(levels, partials)

    def codes(self, first: int, last: int) -> Codes:
        """Return the (n, S) codes of all outputs in the scans first … last − 1."""
        scans = np.arange(first, last) & 0xFF
        sums = np.full((len(scans), len(self.levels)), 1 << 15, dtype=np.int64)
        for each in self.partials:
            sums[:, each.source] += each.amplitude * COSINE[(each.phase + each.step * scans) & 0xFF]
        return np.array(self.levels) + (sums >> 16)


@dataclass
class Acquisition:
    """Scans in progress.

    Attributes
    ----------
    period : int
        Cycles between two scans.
    wanted : int
        Number of scans.
    inputs : sequence of int
        The inputs in the order in which they are read.
    program : Program
        Program that is played during the scans.
    header : bytes
        First bytes of every block.
    taken : int
        Number of scans taken.
    """

    period: int
    wanted: int
    inputs: Sequence[int]
    program: Program
    header: bytes
    taken: int = 0
    _rows: list[NDArray[np.int64]] = field(default_factory=list[NDArray[np.int64]])
    _sent: int = 0

    @classmethod
    def read(cls, payload: bytes, inputs: int, program: Program, header: bytes) -> Acquisition:
        """Read the payload of SAMPLE; raises Malformed or OutOfRange."""
        if not 5 <= len(payload) <= 4 + inputs:
            raise Malformed
        period, wanted = struct.unpack_from("<HH", payload)
        chosen = tuple(payload[4:])
        if wanted == 0:
            raise Malformed
        for each in chosen:
            if each >= inputs:
                raise OutOfRange(each, 0)
        least = SCAN_CYCLES + INPUT_CYCLES * len(chosen) + PARTIAL_CYCLES * len(program.partials)
        if period < least:
            raise OutOfRange(0xFF, least)
        return cls(period, wanted, chosen, program, header)

    @property
    def per_block(self) -> int:
        """Scans in a block."""
        return BLOCK_CODES // len(self.inputs)

    @property
    def is_over(self) -> bool:
        """Whether all scans have been taken."""
        return self.taken == self.wanted

    def due(self, cycles: int) -> int:
        """Number of scans that are complete this number of cycles after the start; the first one takes a period."""
        return min(self.wanted, cycles // self.period)

    def add(self, codes: Codes) -> list[bytes]:
        """Add (n, C) codes; return the frames, without CRC, of the blocks that are complete."""
        self._rows.extend(codes)
        self.taken += len(codes)
        frames: list[bytes] = []
        while len(self._rows) >= self.per_block or (self._rows and self.is_over):
            block, self._rows = self._rows[: self.per_block], self._rows[self.per_block :]
            flags = LAST if self.is_over and not self._rows else 0
            body = struct.pack("<HBB", self._sent, len(block), flags) + packed(np.concatenate(block))
            frames.append(self.header + body)
            self._sent += len(block)
        return frames


def packed(codes: Codes) -> bytes:
    """Pack codes of 12 bits, two in three bytes, lowest bits first."""
    pairs = np.zeros((len(codes) + 1) // 2 * 2, dtype=np.int64)
    pairs[: len(codes)] = codes
    low, high = pairs.reshape(-1, 2).T
    stacked = np.stack([low & 0xFF, low >> 8 | (high & 0xF) << 4, high >> 4], axis=1).astype(np.uint8)
    return stacked.tobytes()[: (3 * len(codes) + 1) // 2]
