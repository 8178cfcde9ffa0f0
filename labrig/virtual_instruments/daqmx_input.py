"""One acquisition of a virtual DAQmx board: codes of the world's voltages, as time goes by."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from nidaqmx.error_codes import DAQmxErrors as Code
from numpy.typing import NDArray

from labrig.virtual_instruments.bench_side import BenchSide
from labrig.virtual_instruments.daqmx_device import DeviceState
from labrig.virtual_instruments.daqmx_errors import DaqmxFailure

LAST_PIECE = 256
"""Scans of a read that are digitized when all have been taken; those before, while these are. Every piece costs the
world the same few milliseconds, so there are two of them."""


class InputChannel(Protocol):
    @property
    def physical(self) -> str: ...

    @property
    def range_v(self) -> float: ...


class Acquisition:
    """From a start to a stop. plan: sample rate and convert rate (Hz; 0: simultaneous), total or None, buffer size."""

    def __init__(
        self,
        board: DeviceState,
        channels: Sequence[InputChannel],
        plan: tuple[float, float, int | None, int],
        side: BenchSide,
    ) -> None:
        self.t0: float | None = None
        self.position = 0
        self.rate_hz, convert_hz, self.total, self.buffer = plan
        self._board = board
        self._side = side
        self._number = 0
        self._channels = channels
        self._skew_s = [k / convert_hz if convert_hz else 0.0 for k in range(len(channels))]
        self._columns: dict[float, list[int]] = defaultdict(list)
        senses = side.world.wiring.senses
        for column, channel in enumerate(channels):
            if f"{board.device.instrument}/{channel.physical}" in senses:  # an input nobody wired reads 0 V
                self._columns[channel.range_v].append(column)

    def begin(self, t: float, number: int) -> None:
        self.t0, self._number = t, number

    def time_of(self, index: int) -> float:
        """When scan `index` is complete."""
        assert self.t0 is not None
        return self.t0 + index / self.rate_hz + self._skew_s[-1]

    def acquired(self, now: float) -> int:
        """Scans that are complete."""
        if self.t0 is None:
            return 0
        count = math.floor((now - self.t0 - self._skew_s[-1]) * self.rate_hz + 1e-6) + 1
        return max(0, count if self.total is None else min(count, self.total))

    def done(self, now: float) -> bool:
        return self.total is not None and self.acquired(now) >= self.total

    def check_request(self, count: int) -> None:
        if self.total is not None and self.position + count > self.total:
            raise DaqmxFailure(Code.SAMPLES_WILL_NEVER_BE_AVAILABLE, samples_read=0)

    def check_overwritten(self, now: float) -> None:
        if self.total is None and self.acquired(now) - self.position > self.buffer:
            raise DaqmxFailure(Code.SAMPLES_NO_LONGER_AVAILABLE, samples_read=0)

    def piece_end(self, last: int, now: float) -> int:
        """Where to digitize next on the way to scan `last`: nearly all of it before the time has come for the rest."""
        if last - self.position <= 2 * LAST_PIECE or self.acquired(now) >= last:
            return last
        return last - LAST_PIECE

    def take(self, last: int) -> NDArray[np.int16]:
        """(n, C) codes from the present position to scan `last`."""
        assert self.t0 is not None
        span = (self.position, last)
        codes = np.zeros((last - self.position, len(self._channels)), np.int16)
        for range_v, columns in self._columns.items():
            front_end = self._board.front_end(range_v)
            names = [self._channels[column].physical for column in columns]
            skew = [self._skew_s[column] for column in columns]
            volts = front_end.sample(self._side.world, names, self.t0, self.rate_hz, span, self._number, skew)
            converted, _ = front_end.codes(volts)
            codes[:, columns] = converted
        self.position = last
        return codes
