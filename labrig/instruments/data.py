"""Data types that cross the driver interface: plans, sample blocks, levels, settings, reports.

SI units throughout. C is the number of digitizer channels, T the number of samples.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

L = TypeVar("L", bound="LevelTable | Continuous")


@dataclass(frozen=True, slots=True)
class Identity:
    """Identity of an instrument, compared with the configuration before anything is driven."""

    model: str
    serial: str = ""
    firmware: str = ""

    def differing(self, found: Identity) -> tuple[str, ...]:
        """Which of "model" and "serial" differ from those of `found`; a value that is empty here is not compared."""
        models = self.model and plain_model(self.model) != plain_model(found.model)
        serials = self.serial and self.serial != found.serial
        return (("model",) if models else ()) + (("serial",) if serials else ())


def plain_model(model: str) -> str:
    """A model name ready for comparison: upper case, without spaces, hyphens, text in brackets or a leading `NI`.

    Brackets contain a variant of the housing or the connectors, as in `USB-6363 (BNC)` and `USB-6281 (Mass
    Termination)`. A leading `NI`, as in `NI PXIe-6363`, is the vendor.
    """
    name = re.sub(r"[\s-]+", " ", model.partition("(")[0]).strip().upper()
    return re.sub(r"^NI ?(?=\d|PX|PC|USB|CDAQ)", "", name).replace(" ", "")


@dataclass(frozen=True, slots=True)
class AcquisitionPlan:
    """An acquisition: either the request to a digitizer, or the actual plan that `configure` returns.

    Attributes
    ----------
    sample_rate_hz
        Scans per second.
    settle_samples, window_samples
        Numbers of scans before the window, which are discarded, and in the window.
    channels
        Names as printed on the instrument, in the order of a `Block`'s columns.
    ranges_v
        Full scale of each channel (± V).
    skew_s
        Delay of each channel after the scan's time stamp (s), reported by the instrument.
    u_offset_v, u_gain
        Standard uncertainties of the offset (V) and the relative gain of every channel, reported by the instrument
        from its data sheet or calibration.
    aperture_s
        Duration over which each sample is averaged (s), such as the exposure of a camera, centred on the time of the
        sample; reported by the instrument.
    """

    sample_rate_hz: float
    settle_samples: int
    window_samples: int
    channels: tuple[str, ...]
    ranges_v: tuple[float, ...]
    skew_s: tuple[float, ...]
    u_offset_v: float = 0.0
    u_gain: float = 0.0
    aperture_s: float = 0.0

    @property
    def total_samples(self) -> int:
        """Scans per acquisition: settling, which the demodulator discards, plus window."""
        return self.settle_samples + self.window_samples

    @property
    def duration_s(self) -> float:
        """Duration of one acquisition (s)."""
        return self.total_samples / self.sample_rate_hz


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive scans of one acquisition, as ADC codes.

    Attributes
    ----------
    codes
        (T, C) codes: int16, int32 or, from an ideal digitizer, float64.
    scale
        (C, 4) polynomial coefficients: volts = Σ_i scale[c, i] · codes[:, c]**i.
    start_index
        Index of the first scan, counted from the start trigger.
    overrange
        (C,) mask of the channels that reached an end of their range in this block.
    lost
        Number of scans lost before this block.
    """

    codes: NDArray[np.int16] | NDArray[np.int32] | NDArray[np.float64]
    scale: NDArray[np.float64]
    start_index: int
    overrange: NDArray[np.bool_]
    lost: int = 0

    def volts(self) -> NDArray[np.float64]:
        """(T, C) sample voltages (V)."""
        return Conversion(self.scale).volts(self.codes)


class Conversion:
    """Conversion of codes to volts by the `scale` (C, 4) of a block, prepared once for all blocks that share it."""

    def __init__(self, scale: NDArray[np.float64]) -> None:
        self._scale = scale.copy()
        self._linear = not scale[:, 2:].any()
        # Scalars instead of rows are twice as fast on narrow blocks.
        self._zero, self._factor = scale[0, :2] if (scale == scale[0]).all() else self._scale[:, :2].T
        self._has_zero = bool(np.any(self._zero))
        self._step_v = np.abs(scale[:, 1])

    def step_v(self, codes: NDArray[Any]) -> NDArray[np.float64]:
        """(C,) volts per code; 0 if `codes` are floating-point numbers, which are not rounded."""
        return self._step_v if codes.dtype.kind in "iu" else np.zeros_like(self._step_v)

    def extremes(self, codes: NDArray[Any], ends: tuple[Any, Any]) -> tuple[float, float]:
        """Bounds on the voltages (V) of all channels together, from codes (T, C) and the smallest and largest one."""
        if not self._linear:
            volts = self.volts(codes)
            return float(volts.min()), float(volts.max())
        volts = np.multiply.outer((float(ends[0]), float(ends[1])), self._factor) + self._zero
        return float(volts.min()), float(volts.max())

    def volts(self, codes: NDArray[Any], out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """(T, C) sample voltages (V) of the codes (T, C), written into `out` if it is given."""
        if self._linear:
            volts = np.multiply(codes, self._factor, out=out, dtype=np.float64)
            if self._has_zero:
                volts += self._zero
            return volts
        codes = codes.astype(np.float64, copy=False)
        s0, s1, s2, s3 = self._scale.T
        return np.add(s0, codes * (s1 + codes * (s2 + codes * s3)), out=out)


@dataclass(frozen=True, slots=True)
class SourceAccuracy:
    """Accuracy of the amplitudes of a source, from its data sheet or calibration.

    Attributes
    ----------
    u_gain
        Standard uncertainty of the gain of every channel (relative), for its tones and for changes of its levels.
    u_tone_v
        Additional standard uncertainty of the amplitude of a tone, independent of its size (open-circuit V).
    """

    u_gain: float = 0.0
    u_tone_v: float = 0.0

    @classmethod
    def within(cls, gain_error: float, tone_error_v: float = 0.0) -> SourceAccuracy:
        """Accuracy of a source whose errors are uniformly distributed between minus and plus these largest errors."""
        return cls(gain_error / math.sqrt(3.0), tone_error_v / math.sqrt(3.0))


@dataclass(frozen=True, slots=True)
class LevelTable:
    """Realizable conductances of one programmable channel, nominal unless calibrated.

    Attributes
    ----------
    codes
        (L,) int codes.
    siemens
        (L,) conductance of each code (S), strictly increasing.
    tolerance
        Relative tolerance of the conductances, from the data sheet or the calibration.
    """

    codes: NDArray[np.int64]
    siemens: NDArray[np.float64]
    tolerance: float = 0.0

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
    """A channel that can realize any conductance between `minimum` and `maximum` (S), to a relative `tolerance`.

    A cell that is written by pulses has no levels: it is written until a reading is within the tolerance.
    """

    minimum: float
    maximum: float
    tolerance: float = 0.0


def scaled_levels(levels: LevelTable | Continuous, factor: float) -> LevelTable | Continuous:
    """Return the levels multiplied by the factor > 0 of a transducer."""
    if factor == 1.0:
        return levels
    if isinstance(levels, LevelTable):
        return LevelTable(levels.codes, factor * levels.siemens, levels.tolerance)
    return Continuous(factor * levels.minimum, factor * levels.maximum, levels.tolerance)


def distinct(levels: Iterable[L]) -> dict[int, L]:
    """The distinct objects among `levels`, by their id; channels of one part share a single object."""
    return {id(each): each for each in levels}


def levels_as_plain(levels: Sequence[LevelTable | Continuous]) -> dict[str, Any]:
    """Return the levels of E channels as plain values: each distinct table once, and each channel's table index."""
    kinds = distinct(levels)
    place = {key: number for number, key in enumerate(kinds)}
    return {
        "levels": [
            {"codes": each.codes.tolist(), "siemens": each.siemens.tolist(), "tolerance": each.tolerance}
            if isinstance(each, LevelTable)
            else {"minimum": each.minimum, "maximum": each.maximum, "tolerance": each.tolerance}
            for each in kinds.values()
        ],
        "level_of_edge": [place[id(each)] for each in levels],
    }


def levels_from_plain(plain: Mapping[str, Any]) -> list[LevelTable | Continuous]:
    """Return the levels of E channels from the result of `levels_as_plain`."""
    kinds = [
        LevelTable(np.array(each["codes"], dtype=np.int64), np.array(each["siemens"]), each["tolerance"])
        if "codes" in each
        else Continuous(each["minimum"], each["maximum"], each["tolerance"])
        for each in plain["levels"]
    ]
    return [kinds[place] for place in plain["level_of_edge"]]


@dataclass(frozen=True, slots=True)
class Level:
    """A setting given as the code of one of the part's levels."""

    code: int


@dataclass(frozen=True, slots=True)
class Target:
    """A setting by conductance (S) with a relative tolerance; 0 means the tolerance of the channel.

    A read-back contains the conductance that was read, and the tolerance to which the channel was to be written.
    """

    siemens: float
    tolerance: float = 0.0


Setting = Level | Target


def holds(held: Setting | None, wanted: Setting) -> bool:
    """Return whether a channel holds the setting that it should; a continuous channel may differ by its tolerance."""
    if isinstance(held, Target) and isinstance(wanted, Target):
        return abs(held.siemens - wanted.siemens) <= max(held.tolerance, wanted.tolerance) * wanted.siemens
    return held == wanted


@dataclass(frozen=True, slots=True)
class ProgramReport:
    """Result of a `program` call.

    Attributes
    ----------
    written, verified
        Channels that were written, and channels that also read back the value that was written.
    faulty
        Channels whose setting differs from the one written.
    read_back
        Setting read from each written channel.
    interrupted
        Whether the device lost its settings (reset, brown-out, watchdog) and they were restored. Data measured since
        the last call are then invalid.
    pulses
        Number of pulses that each written channel received, if the programmer writes by pulses.
    """

    written: tuple[str, ...] = ()
    verified: tuple[str, ...] = ()
    faulty: tuple[str, ...] = ()
    read_back: dict[str, Setting] = field(default_factory=dict)
    interrupted: bool = False
    pulses: dict[str, int] = field(default_factory=dict[str, int])
