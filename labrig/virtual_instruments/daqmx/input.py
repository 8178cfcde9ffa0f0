"""One acquisition of a virtual DAQmx board: ADC codes of the World's voltages, in real time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from nidaqmx.error_codes import DAQmxErrors as Code
from numpy.typing import NDArray

from labrig.virtual_instruments.daqmx.device import DeviceState
from labrig.virtual_instruments.daqmx.errors import DaqmxFailure
from labrig.virtual_instruments.virtual_bench import VirtualBench

Codes = NDArray[np.signedinteger[Any]]
"""(n, C) ADC codes, 16 or 32 bits each."""

AHEAD = 2_000_000
"""Number of samples computed before they are requested: somewhat more than 100 000 scans of 16 channels."""

PIECE = 2**18
"""Number of samples computed at a time; each scan temporarily needs memory for the whole network."""

MOST_AHEAD = 2**22
"""Largest number of samples that a waiting read computes and packs before they are due. A larger read returns late."""


class InputChannel(Protocol):
    """A channel of an acquisition."""

    @property
    def physical(self) -> str:
        """Name of the physical channel without its device ("ai3")."""
        ...

    @property
    def range_v(self) -> float:
        """Input range (± V)."""
        ...


class TaskAcquisition:
    """One acquisition, from start to stop.

    Parameters
    ----------
    board
        The board.
    channels
        The channels, in the order of the columns.
    plan
        Sample rate (Hz), convert rate (Hz, 0 for simultaneous sampling), total number of scans or None, and buffer
        size (scans).
    bench
        The virtual bench.
    check
        Called between pieces of work; an exception ends the work without taking samples.
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
        self.given = 0  # first scan of the codes returned last, by `take` or `foresee`
        self.rate_hz, convert_hz, self.total, self.buffer = plan
        self._board = board
        self._bench = bench
        self._check = check
        self._scans_ahead, self._piece = (most // max(16, len(channels)) for most in (AHEAD, PIECE))
        self._number = 0
        self._channels = channels
        self._skew_s = [k / convert_hz if convert_hz else 0.0 for k in range(len(channels))]
        self._ahead: Codes | None = None
        self._ahead_of = 0
        self._changes = -1
        self._columns: dict[float, list[int]] = defaultdict(list)
        senses = bench.world.wiring.senses
        for column, channel in enumerate(channels):
            if f"{board.device.instrument}/{channel.physical}" in senses:  # unwired inputs read 0 V
                self._columns[channel.range_v].append(column)

    def begin(self, t: float) -> None:
        """Start at time t (s)."""
        self.t0 = t
        self._number = self._bench.world.begin_acquisition(t, self)

    @property
    def unread_since_s(self) -> float:
        """Time of the first scan that may still be read (s); a continuous acquisition overwrites old scans."""
        assert self.t0 is not None
        first = self.position
        if self.total is None:
            first = max(first, self.acquired(self._bench.clock()) - self.buffer)
        return self.t0 + first / self.rate_hz

    def time_of(self, index: int) -> float:
        """Time at which scan `index` is complete (s)."""
        assert self.t0 is not None
        return self.t0 + index / self.rate_hz + self._skew_s[-1]

    def acquired(self, now: float) -> int:
        """Number of complete scans."""
        if self.t0 is None:
            return 0
        count = math.floor((now - self.t0 - self._skew_s[-1]) * self.rate_hz + 1e-6) + 1
        return max(0, count if self.total is None else min(count, self.total))

    def done(self, now: float) -> bool:
        """Whether a finite acquisition is complete."""
        return self.total is not None and self.acquired(now) >= self.total

    def check_request(self, count: int) -> None:
        """Raise DaqmxFailure if a finite acquisition has fewer than `count` scans left."""
        if self.total is not None and self.position + count > self.total:
            raise DaqmxFailure(Code.SAMPLES_WILL_NEVER_BE_AVAILABLE, samples_read=0)

    def check_overwritten(self, now: float) -> None:
        """Raise DaqmxFailure if unread scans of a continuous acquisition were overwritten."""
        if self.total is None and self.acquired(now) - self.position > self.buffer:
            raise DaqmxFailure(Code.SAMPLES_NO_LONGER_AVAILABLE, samples_read=0)

    def foresee(self, last: int) -> Codes | None:
        """Predict the (n, C) codes from the present position to scan `last`, without taking them.

        The codes are valid if the World does not change until then. None for a continuous acquisition, if faults are
        configured, or if there are too many codes.
        """
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
        """Whether the prediction is still valid."""
        return self._ahead is not None and self._changes == self._bench.world.changes

    def take(self, last: int) -> Codes:
        """Take the (n, C) codes from the present position to scan `last`."""
        first = self.position
        if self.as_foreseen and self._ahead is not None and self._reaches(last):
            codes = self._ahead[first - self._ahead_of : last - self._ahead_of]
        else:
            codes = self._digitized(first, last)
        self.given, self.position = first, last
        return codes

    def _reaches(self, last: int) -> bool:
        """Whether the prediction extends to scan `last`."""
        return self._ahead is not None and last <= self._ahead_of + len(self._ahead)

    def _digitized(self, first: int, last: int) -> Codes:
        """(n, C) codes of the scans first … last − 1 for the present timeline of the World."""
        codes = np.zeros((last - first, len(self._channels)), self._board.code_type)
        for begins in range(first, last, self._piece):
            self._check()
            span = begins, min(last, begins + self._piece)
            self._digitize(span, codes[span[0] - first : span[1] - first])
        return codes

    def _digitize(self, span: tuple[int, int], codes: Codes) -> None:
        """Fill the (n, C) codes of the scans `span` = (first, last + 1)."""
        assert self.t0 is not None
        if not self._columns:
            return
        names = [channel.physical for channel in self._channels]
        widest = self._board.front_end(max(self._columns))  # ranges differ only in their codes
        volts = widest.sample(self._bench.world, names, self.t0, self.rate_hz, span, self._number, self._skew_s)
        for range_v, columns in self._columns.items():
            converted, _ = self._board.front_end(range_v).codes(volts[:, columns])
            codes[:, columns] = converted
