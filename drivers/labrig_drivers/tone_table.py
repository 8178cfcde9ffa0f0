"""Waveforms of several tones as tables of samples, for generators that play one arbitrary waveform."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from labrig.signals.tones import Tone

TABLE_POINTS = 16384
"""Points of a table: the waveform memory of the smallest models."""

_MOST_CYCLES = TABLE_POINTS // 16
_MICROHERTZ = 1e-6
_MOST_DETUNING = 20
"""Largest detuning of a tone in a table whose repetition rate is rounded (µHz): 0.007° in a second."""


def table_plan(tones: Sequence[Tone]) -> tuple[float, tuple[int, ...]] | None:
    """Find the shortest table that contains whole cycles of every tone.

    Returns
    -------
    tuple or None
        Repetition rate of the table (Hz) and the number of cycles of each tone in it. None if there is no such table
        with at least 16 points per cycle of the fastest tone.
    """
    microhertz = [tone.frequency_hz / _MICROHERTZ for tone in tones]
    lowest = min(microhertz)
    for count in range(1, round(_MOST_CYCLES * lowest / max(microhertz)) + 1):
        base = round(lowest / count)
        if base == 0:
            return None
        cycles = tuple(round(each / (lowest / count)) for each in microhertz)
        detuning = (abs(each - k * base) for each, k in zip(microhertz, cycles, strict=True))
        if max(detuning) <= _MOST_DETUNING and max(cycles) <= _MOST_CYCLES:
            return base * _MICROHERTZ, cycles
    return None


@lru_cache(maxsize=8)
def table(tones: tuple[Tone, ...], cycles: tuple[int, ...]) -> tuple[bytes, float]:
    """Sample a sum of tones, Σ amplitude · sin(2π · cycles · n/N + phase), shifted by −90° like a single sine.

    Returns
    -------
    samples : bytes
        16-bit little-endian samples.
    full_scale : float
        Voltage of a full-scale sample (V).
    """
    turns = np.arange(TABLE_POINTS) / TABLE_POINTS
    values = np.zeros(TABLE_POINTS)
    for tone, count in zip(tones, cycles, strict=True):
        values += tone.amplitude * np.sin(2 * np.pi * ((count * turns) % 1.0) + tone.phase_rad)
    full_scale = float(np.abs(values).max())
    return np.rint(values / full_scale * 32767).astype("<i2").tobytes(), full_scale
