"""Random functions of time for noise that continues from one acquisition to the next: 1/f noise and random walks.

A function is the sum of one random polygonal line per octave. The corners of the line of an octave are at multiples of
its interval, a power of two seconds. The normal number at each corner has its own place in a random stream, so the
value of the function at a time is the same whenever and however often it is computed.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labrig.random_streams import RandomStream

Array = NDArray[np.float64]

FIRST = -64
"""Exponent from which octaves are counted in the stream: the shortest interval is 2^−64 s, about 5e-20 s."""

TOGETHER = -7
"""Corners within 2^−7 s (8 ms) are drawn together, but at least 8, as a slow octave needs only few of them."""


def octave_of(rate_hz: float) -> int:
    """Return the exponent of the longest interval (a power of two) that is not longer than the sample interval."""
    return math.floor(-math.log2(rate_hz))


class Polygons(ABC):
    """Independent random functions of time, one for each channel, all of the same kind.

    Parameters
    ----------
    stream : RandomStream
        Stream from which they are drawn.
    channels : int
        Number of channels.
    slowest : int
        Exponent of the longest interval, 2^slowest s.
    begins_s : float
        Position of time 0 on the polygonal lines (s).
    """

    def __init__(self, stream: RandomStream, channels: int, slowest: int, begins_s: float = 0.0) -> None:
        self._stream = stream
        self._channels = channels
        self._slowest = slowest
        self._begins_s = begins_s
        self._last: dict[int, tuple[int, int, Array]] = {}

    def at(self, times_s: Array, fastest: int, columns: NDArray[np.intp]) -> Array:
        """Return the (n, C) values of the channels `columns` (C,) at increasing times (n,) (s).

        The shortest interval is 2^fastest s. A shorter interval only adds detail.
        """
        if not len(times_s):
            return np.empty((0, len(columns)))
        position = np.ldexp(times_s + self._begins_s, -fastest)
        corner = np.floor(position).astype(np.intp)
        first = int(corner[0])
        corners = self._corners(fastest, first, int(corner[-1]) + 2).take(columns, axis=1)
        corner -= first
        added = np.diff(corners, axis=0).take(corner, axis=0)
        added *= (position - first - corner)[:, np.newaxis]
        added += corners.take(corner, axis=0)
        return added

    @abstractmethod
    def _added(self, octave: int, first: int, last: int) -> Array:
        """Return the (last − first, channels) contribution of this octave at its corners first … last − 1."""

    def _drawn(self, octave: int, first: int, last: int, sigma: float) -> Array:
        """Return (last − first, channels) normal numbers, one for each corner."""
        block = 2 ** min(max(3, TOGETHER - octave), 9)
        shape = block, self._channels
        blocks = range(first // block, -(-last // block))
        drawn = [self._stream.noise(shape, sigma, octave - FIRST, number) for number in blocks]
        begins = first - blocks[0] * block
        return (drawn[0] if len(drawn) == 1 else np.concatenate(drawn))[begins : begins + last - first]

    def _corners(self, octave: int, first: int, last: int) -> Array:
        """Return the (last − first, channels) sum of this and all slower octaves at corners first … last − 1."""
        known = self._last.get(octave)
        if known is not None and known[:2] == (first, last):
            return known[2]
        total = self._added(octave, first, last)
        if octave < self._slowest:
            # Every other corner is also a corner of the next octave; the others are midpoints of its lines.
            begins = first // 2
            slower = self._corners(octave + 1, begins, last // 2 + 1)
            here, between = first % 2, 1 - first % 2
            total[here::2] += slower[here : here + len(total[here::2])]
            middles = 0.5 * (slower[:-1] + slower[1:])
            total[between::2] += middles[: len(total[between::2])]
        self._last[octave] = first, last, total
        return total


class OneOverF(Polygons):
    """Noise with the density k/f (V²/Hz), down to 2^−slowest Hz.

    Octaves of variance σ² add up to 2σ²/(f ln 2) · ∫ sinc⁴(x) dx, and the integral is 1/3.
    """

    def __init__(self, stream: RandomStream, channels: int, slowest: int, k: float) -> None:
        # Position 0 is a corner of every octave, where all variances are largest; so start at a random position.
        super().__init__(stream, channels, slowest, math.ldexp(stream.uniform(0), slowest))
        self._sigma = math.sqrt(1.5 * math.log(2) * k)

    @override
    def _added(self, octave: int, first: int, last: int) -> Array:
        return self._drawn(octave, first, last, self._sigma).copy()


class RandomWalk(Polygons):
    """A random walk from 0 at time 0 whose variance grows by `per_second` (V²/s), for up to 2^slowest s."""

    def __init__(self, stream: RandomStream, channels: int, slowest: int, per_second: float) -> None:
        super().__init__(stream, channels, slowest)
        self._per_second = per_second

    @override
    def _added(self, octave: int, first: int, last: int) -> Array:
        """Return the deviation of midpoints from the mean of their neighbours; 0 at corners of slower octaves."""
        variance = self._per_second * math.ldexp(1.0, octave)
        if octave < self._slowest:
            added = self._drawn(octave, first, last, math.sqrt(variance / 2)).copy()
            added[first % 2 :: 2] = 0.0
            return added
        added = self._drawn(octave, first, last, math.sqrt(variance)).copy()
        added[: max(0, 1 - first)] = 0.0
        return added
