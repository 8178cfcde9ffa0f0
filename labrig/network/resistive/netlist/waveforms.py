"""Waveforms of independent sources: a level, a sine, or straight lines between points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sine:
    """SPICE's SIN: offset + amplitude · exp(−damping (t − delay)) · sin(2π f (t − delay) + phase)."""

    offset: float
    amplitude: float
    frequency_hz: float
    delay_s: float = 0.0
    damping_hz: float = 0.0
    phase_rad: float = 0.0

    def at(self, t: Array) -> Array:
        """Values at the times (s)."""
        since = np.maximum(t - self.delay_s, 0.0)
        turned = 2 * math.pi * self.frequency_hz * since + self.phase_rad
        return self.offset + self.amplitude * np.exp(-self.damping_hz * since) * np.sin(turned)

    @property
    def corners_s(self) -> tuple[float, ...]:
        """Times at which the slope jumps (s)."""
        return (self.delay_s,)

    @property
    def shortest_s(self) -> float:
        """Time scale of the fastest change (s)."""
        return 1 / self.frequency_hz if self.frequency_hz else math.inf


@dataclass(frozen=True, slots=True)
class PiecewiseLinear:
    """SPICE's PWL: straight lines between points, with the first value before and the last value after them."""

    times_s: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, t: Array) -> Array:
        """Values at the times (s)."""
        return np.interp(t, self.times_s, self.values)

    @property
    def corners_s(self) -> tuple[float, ...]:
        """Times at which the slope jumps (s)."""
        return self.times_s

    @property
    def shortest_s(self) -> float:
        """Infinite, because `corners_s` already limit the steps."""
        return math.inf


@dataclass(frozen=True, slots=True)
class Waveform:
    """The waveform of a source: a level for the operating point, and a shape in time; either may be None."""

    level: float | None = None
    shape: Sine | PiecewiseLinear | None = None

    @property
    def operating(self) -> float:
        """The value for the operating point: the DC level, or the initial value of the shape."""
        if self.level is not None:
            return self.level
        return 0.0 if self.shape is None else float(self.shape.at(np.zeros(1))[0])

    def at(self, t: Array) -> Array:
        """Values at the times (s)."""
        return np.full(np.shape(t), self.operating) if self.shape is None else self.shape.at(np.asarray(t))


def played(waveforms: Sequence[Waveform], t: float) -> Array:
    """(S,) values of all sources at a time (s)."""
    at = np.array([t])
    return np.array([float(waveform.at(at)[0]) for waveform in waveforms])
