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
        self._ahead: NDArray[np.int16] | None = None
        self._ahead_of = 0
        self._changes = -1
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

    def foresee(self, last: int) -> NDArray[np.int16] | None:
        """(n, C) codes from the present position to scan `last`, if nothing changes before; None where there is no end
        to work towards, or faults are to come. Does not take them."""
        if self.total is None or not self._side.world.faults.empty:
            return None
        if not self.as_foreseen:
            self._changes = self._side.world.changes
            self._ahead, self._ahead_of = self._digitized(self.position, self.total), self.position
        assert self._ahead is not None
        return self._ahead[self.position - self._ahead_of : last - self._ahead_of]

    @property
    def as_foreseen(self) -> bool:
        """Whether what was foreseen still holds."""
        return self._ahead is not None and self._changes == self._side.world.changes

    def take(self, last: int) -> NDArray[np.int16]:
        """(n, C) codes from the present position to scan `last`."""
        first, self.position = self.position, last
        if not self.as_foreseen or self._ahead is None or last == first:
            return self._digitized(first, last)
        return self._ahead[first - self._ahead_of : last - self._ahead_of]

    def _digitized(self, first: int, last: int) -> NDArray[np.int16]:
        """(n, C) codes of the scans first … last − 1 of the world as it is known now."""
        codes = np.zeros((last - first, len(self._channels)), np.int16)
        if first == last:
            return codes
        assert self.t0 is not None
        span = (first, last)
        for range_v, columns in self._columns.items():
            front_end = self._board.front_end(range_v)
            names = [self._channels[column].physical for column in columns]
            skew = [self._skew_s[column] for column in columns]
            volts = front_end.sample(self._side.world, names, self.t0, self.rate_hz, span, self._number, skew)
            converted, _ = front_end.codes(volts)
            codes[:, columns] = converted
        return codes
