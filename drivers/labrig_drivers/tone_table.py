"""Waveforms of several tones as tables of samples, for generators that play one arbitrary waveform."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from labrig.signals.tones import Tone

TABLE_POINTS = 16384
"""Points of a table: the waveform memory of the smallest Siglent models."""

_LEAST_POINTS_PER_CYCLE = 16
_MICROHERTZ = 1e-6
_MOST_DETUNING = 20
"""Largest detuning of a tone in a table whose repetition rate is rounded (µHz): 0.007° in a second."""


def table_plan(tones: Sequence[Tone], points: int = TABLE_POINTS) -> tuple[float, tuple[int, ...]] | None:
    """Find the shortest table that contains whole cycles of every tone.

    Parameters
    ----------
    tones : sequence of Tone
        The tones.
    points : int, optional
        Number of points of the table.

    Returns
    -------
    tuple or None
        Repetition rate of the table (Hz) and the number of cycles of each tone in it. None if there is no such table
        with at least 16 points per cycle of the fastest tone.
    """
    most_cycles = points // _LEAST_POINTS_PER_CYCLE
    microhertz = [tone.frequency_hz / _MICROHERTZ for tone in tones]
    lowest = min(microhertz)
    for count in range(1, round(most_cycles * lowest / max(microhertz)) + 1):
        base = round(lowest / count)
        if base == 0:
            return None
        cycles = tuple(round(each / (lowest / count)) for each in microhertz)
        detuning = (abs(each - k * base) for each, k in zip(microhertz, cycles, strict=True))
        if max(detuning) <= _MOST_DETUNING and max(cycles) <= most_cycles:
            return base * _MICROHERTZ, cycles
    return None


@lru_cache(maxsize=8)
def waveform(
    tones: tuple[Tone, ...], cycles: tuple[int, ...], points: int = TABLE_POINTS
) -> tuple[NDArray[np.float64], float]:
    """Sample a sum of tones, Σ amplitude · sin(2π · cycles · n/N + phase), shifted by −90° like a single sine.

    Returns
    -------
    samples : (points,) array
        Samples from −1 to 1, read-only.
    full_scale : float
        Voltage of a sample of 1 (V).
    """
    turns = np.arange(points) / points
    values = np.zeros(points)
    for tone, count in zip(tones, cycles, strict=True):
        values += tone.amplitude * np.sin(2 * np.pi * ((count * turns) % 1.0) + tone.phase_rad)
    full_scale = float(np.abs(values).max())
    values /= full_scale
    values.flags.writeable = False
    return values, full_scale


@lru_cache(maxsize=8)
def table(tones: tuple[Tone, ...], cycles: tuple[int, ...]) -> tuple[bytes, float]:
    """Sample a sum of tones as `waveform`.

    Returns
    -------
    samples : bytes
        16-bit little-endian samples.
    full_scale : float
        Voltage of a full-scale sample (V).
    """
    samples, full_scale = waveform(tones, cycles)
    return np.rint(samples * 32767).astype("<i2").tobytes(), full_scale
