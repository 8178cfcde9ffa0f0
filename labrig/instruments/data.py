"""Data types that cross the driver interface: plans, sample blocks, levels, settings, reports.

SI units throughout. C counts digitizer channels, T samples.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answered: compared with the configuration before anything is driven."""

    model: str
    serial: str = ""
    firmware: str = ""


@dataclass(frozen=True, slots=True)
class AcquisitionPlan:
    """What a digitizer is asked for, and (returned by `configure`) what it will really do.

    channels: names as printed on the instrument, in the order of the columns of a `Block`.
    ranges_v: full scale of each channel (± V).
    skew_s: how much later than the scan's time stamp each channel is sampled (s); reported by the instrument.
    u_offset_v, u_gain: how far the zero (V) and the relative gain of a channel may be off, one standard uncertainty;
    the same for all channels, reported by the instrument from its data sheet or its calibration.
    """

    sample_rate_hz: float
    settle_samples: int
    window_samples: int
    channels: tuple[str, ...]
    ranges_v: tuple[float, ...]
    skew_s: tuple[float, ...]
    u_offset_v: float = 0.0
    u_gain: float = 0.0

    @property
    def total_samples(self) -> int:
        """Samples of one acquisition: settle, which the demodulator discards, and window."""
        return self.settle_samples + self.window_samples

    @property
    def duration_s(self) -> float:
        """Time one acquisition takes (s)."""
        return self.total_samples / self.sample_rate_hz


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive scans of one acquisition, as codes.

    codes: (T, C) int16, int32 or float64 ("codes are float64" is what an ideal digitizer delivers).
    scale: (C, 4) polynomial, volts = Σ_i scale[c, i] · codes[:, c]**i.
    start_index: index of the first scan since the start trigger.
    overrange: (C,) bool, the channel touched an end of its range within this block.
    lost: scans that were lost before this block.
    """

    codes: NDArray[np.int16] | NDArray[np.int32] | NDArray[np.float64]
    scale: NDArray[np.float64]
    start_index: int
    overrange: NDArray[np.bool_]
    lost: int = 0

    def volts(self) -> NDArray[np.float64]:
        """(T, C) sample voltages (V)."""
        codes = self.codes.astype(np.float64, copy=False)
        if not self.scale[:, 2:].any():
            if (self.scale == self.scale[0]).all():  # numbers instead of rows: twice as fast on narrow blocks
                volts = codes * self.scale[0, 1]
                volts += self.scale[0, 0]
                return volts
            return self.scale[:, 0] + codes * self.scale[:, 1]
        s0, s1, s2, s3 = self.scale.T
        return s0 + codes * (s1 + codes * (s2 + codes * s3))


@dataclass(frozen=True, slots=True)
class LevelTable:
    """Realizable conductances of one programmable channel, nominal until a calibration replaces them.

    codes: (L,) int, what is written. siemens: (L,) conductance of each code, strictly increasing.
    """

    codes: NDArray[np.int64]
    siemens: NDArray[np.float64]

    @property
    def highest_code(self) -> int:
        """The highest code that can be written."""
        return int(self.codes.max())

    @property
    def by_code(self) -> dict[int, float]:
        """Conductance (S) of each code."""
        return dict(zip(self.codes.tolist(), self.siemens.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Continuous:
    """A channel that realizes any conductance between `minimum` and `maximum` (S)."""

    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Level:
    """Write this code into the channel."""

    code: int


@dataclass(frozen=True, slots=True)
class Target:
    """Bring the channel to this conductance (S) within a relative tolerance."""

    siemens: float
    tolerance: float = 0.0


Setting = Level | Target


@dataclass(frozen=True, slots=True)
class ProgramReport:
    """What became of a `program` call, per channel.

    written, verified: channels that were changed, and of those the ones whose read-back agreed.
    faulty: channels that do not hold what was written. read_back: what each written channel answers.
    interrupted: the device lost its settings and got them back (reset, brown-out, watchdog): whatever was measured
    since the last call is invalid.
    """

    written: tuple[str, ...] = ()
    verified: tuple[str, ...] = ()
    faulty: tuple[str, ...] = ()
    read_back: dict[str, Setting] = field(default_factory=dict)
    interrupted: bool = False
