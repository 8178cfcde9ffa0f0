"""One acquisition of a virtual DAQmx board: codes of the world's voltages, as time goes by."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from nidaqmx.error_codes import DAQmxErrors as Code
from numpy.typing import NDArray

from labrig.virtual_instruments.daqmx.device import DeviceState
from labrig.virtual_instruments.daqmx.errors import DaqmxFailure
from labrig.virtual_instruments.virtual_bench import VirtualBench

AHEAD = 2_000_000
"""Samples that are digitized before they are asked for: 100 000 scans of 16 channels, and some."""

PIECE = 2**18
"""Samples that are digitized at a time. On the way each scan is as large as the whole network."""

MOST_AHEAD = 2**22
"""Samples that are digitized and packed before they are due where one read asks for them, each waiting read for itself;
a larger read comes later."""


class InputChannel(Protocol):
    @property
    def physical(self) -> str: ...

    @property
    def range_v(self) -> float: ...


class TaskAcquisition:
    """From a start to a stop. plan: sample rate and convert rate (Hz; 0: simultaneous), total or None, buffer size.

    check: called between pieces of work; what it raises ends the work and takes no samples.
    """

    def __init__(
        self,
        board: DeviceState,
        channels: Sequence[InputChannel],
        plan: tuple[float, float, int | None, int],
        bench: VirtualBench,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self.t0: float | None = None
        self.position = 0
        self.given = 0  # the first scan of the codes that were given away last, or foreseen
        self.rate_hz, convert_hz, self.total, self.buffer = plan
        self._board = board
        self._bench = bench
        self._check = check
        self._scans_ahead, self._piece = (most // max(16, len(channels)) for most in (AHEAD, PIECE))
        self._number = 0
        self._channels = channels
        self._skew_s = [k / convert_hz if convert_hz else 0.0 for k in range(len(channels))]
        self._ahead: NDArray[np.int16] | None = None
        self._ahead_of = 0
        self._changes = -1
        self._columns: dict[float, list[int]] = defaultdict(list)
        senses = bench.world.wiring.senses
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
        to work towards, faults are to come, or they are too many. Does not take them."""
        if self.total is None or not self._bench.world.faults.empty:
            return None
        if not (self.as_foreseen and self._reaches(last)):
            if (last - self.position) * len(self._channels) > MOST_AHEAD:
                return None
            self._changes, self._ahead_of = self._bench.world.changes, self.position
            self._ahead = self._digitized(self.position, max(last, min(self.total, self.position + self._scans_ahead)))
        assert self._ahead is not None
        self.given = self.position
        return self._ahead[self.position - self._ahead_of : last - self._ahead_of]

    @property
    def as_foreseen(self) -> bool:
        """Whether what was foreseen still holds."""
        return self._ahead is not None and self._changes == self._bench.world.changes

    def take(self, last: int) -> NDArray[np.int16]:
        """(n, C) codes from the present position to scan `last`."""
        first = self.position
        if self.as_foreseen and self._ahead is not None and self._reaches(last):
            codes = self._ahead[first - self._ahead_of : last - self._ahead_of]
        else:
            codes = self._digitized(first, last)
        self.given, self.position = first, last
        return codes

    def _reaches(self, last: int) -> bool:
        """Whether what was foreseen goes on to scan `last`."""
        return self._ahead is not None and last <= self._ahead_of + len(self._ahead)

    def _digitized(self, first: int, last: int) -> NDArray[np.int16]:
        """(n, C) codes of the scans first … last − 1 of the world as it is known now."""
        codes = np.zeros((last - first, len(self._channels)), np.int16)
        for begins in range(first, last, self._piece):
            self._check()
            span = begins, min(last, begins + self._piece)
            self._digitize(span, codes[span[0] - first : span[1] - first])
        return codes

    def _digitize(self, span: tuple[int, int], codes: NDArray[np.int16]) -> None:
        """Fill the (n, C) codes of the scans `span` = (first, last + 1)."""
        assert self.t0 is not None
        for range_v, columns in self._columns.items():
            front_end = self._board.front_end(range_v)
            names = [self._channels[column].physical for column in columns]
            skew = [self._skew_s[column] for column in columns]
            volts = front_end.sample(self._bench.world, names, self.t0, self.rate_hz, span, self._number, skew)
            converted, _ = front_end.codes(volts)
            codes[:, columns] = converted
