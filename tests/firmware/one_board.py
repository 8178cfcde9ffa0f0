"""What a test of the one-board bench needs on the host's side, written from the specification."""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from firmware import same_replies
from firmware.boards import FirmwareBoard, PythonBoard
from firmware.chips import EVERY_STATUS
from firmware.same_replies import ALONE, Generator
from firmware.wire import Reply, request

from labrig.clock import SimulatedClock
from labrig.virtual_instruments.one_board import VirtualOneBoard
from labrig.virtual_instruments.one_board.sampler import Acquisition, Codes, Program

OUTPUTS, SAMPLE, HALT, REST, SCANS = range(9, 14)
SOURCES, INPUTS = 12, 16
MIDDLE = 2048
LATE, LAST = 1, 2
EVERYTHING = EVERY_STATUS | {ALONE}


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


class Sums:
    """The network of the simulated converters: every input reads a sum over all outputs."""

    def __init__(self) -> None:
        self.codes = [MIDDLE] * SOURCES

    def hold(self, program: Program) -> None:
        self.codes = list(program.levels)

    def begin(self, acquisition: Acquisition) -> None:
        """The first scan comes one period later."""

    def digitize(self, acquisition: Acquisition, first: int, last: int) -> Codes:
        every = acquisition.program.codes(first, last)
        self.codes = every[-1].tolist()
        return np.array([[reading(number, codes) for number in acquisition.inputs] for codes in every.tolist()])


class PythonOneBoard(PythonBoard):
    def __init__(self, channels: int, boot_id: int = 1, part: str = "") -> None:
        self._clock = SimulatedClock()
        self._network = Sums()
        self._board = board = VirtualOneBoard(
            self._network, channels, sources=SOURCES, inputs=INPUTS, clock=self._clock, boot_id=boot_id
        )
        self.receive, self.codes, self.take = board.receive, board.codes, board.take
        self.stick, self.silence, self.heal = board.stick, board.silence, board.heal
        self.reset, self.power_cycle = board.reset, board.power_cycle

    def outputs(self) -> list[int]:
        return self._network.codes


class FirmwareOneBoard(FirmwareBoard):
    def outputs(self) -> list[int]:
        return [self._core.converters_output(source) for source in range(SOURCES)]

    def let_scans_be_late(self, late: bool) -> None:
        """Whether the next scan is due before one is over."""
        self._core.converters_are_late(late)


class OneBoardGenerator(Generator):
    """Frames of one conversation, half of them for the converters."""

    def frame(self) -> bytes:
        if self.rng.random() < 0.5:
            return super().frame()
        rng = self.rng
        self.sequence = (self.sequence + 1) & 0xFFFF
        op = rng.choice((OUTPUTS, OUTPUTS, SAMPLE, SAMPLE, SAMPLE, HALT, REST))
        payload = {OUTPUTS: self.outputs, SAMPLE: self.sample}.get(op, lambda: b"")()
        if rng.random() < 0.03:
            payload = payload[: rng.randrange(len(payload) + 1)]
        elif rng.random() < 0.03:
            payload += rng.randbytes(rng.randrange(100))
        return request(op, self.sequence, payload)

    def outputs(self) -> bytes:
        rng = self.rng
        levels = [rng.randrange(1024, 3072) if rng.random() < 0.998 else rng.randrange(65536) for _ in range(SOURCES)]
        sources = sorted(rng.randrange(SOURCES) for _ in range(rng.randrange(17)))
        if rng.random() < 0.02:
            rng.shuffle(sources)
        partials = [
            (source, rng.randrange(256), rng.randrange(256), rng.randrange(-400, 400) if rng.random() < 0.99 else 32767)
            for source in sources
        ]
        return outputs(levels, partials)

    def sample(self) -> bytes:
        rng = self.rng
        count = rng.randrange(1, INPUTS + 1)
        period = rng.randrange(500 + 500 * count, 16000) if rng.random() < 0.9 else rng.randrange(65536)
        scans = rng.randrange(1, 100) if rng.random() < 0.97 else rng.randrange(65536)
        return sample(period, scans, [rng.randrange(INPUTS + (rng.random() < 0.003)) for _ in range(count)])


def converse(library: Path, seed: int, channels: int, frames: int) -> Counter[int]:
    """As for a bank, with the converters."""
    kinds = PythonOneBoard, FirmwareOneBoard, OneBoardGenerator
    return same_replies.converse(library, seed, channels, frames, *kinds)
