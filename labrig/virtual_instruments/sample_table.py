"""Arbitrary waveforms as sums of tones: the harmonics of a sample table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_TONES = 64
FULL_CODE = 32767
_LEAST_SHARE = 2e-5
"""Harmonics below this fraction of full scale are rounding errors of 16-bit samples."""


@dataclass(frozen=True)
class Table:
    """An uploaded table, in units of its full scale (half the peak-to-peak amplitude).

    Attributes
    ----------
    name
        Waveform name.
    length
        Number of samples.
    first, mean
        First sample, and average.
    harmonics
        (order, amplitude, phase in rad) of cosines, the largest first.
    data
        The samples as uploaded.
    """

    name: str
    length: int
    first: float = 0.0
    mean: float = 0.0
    harmonics: tuple[tuple[int, float, float], ...] = ()
    data: bytes = b""

    def at(self, turn: float) -> float:
        """Return the value of the table at a phase (in turns)."""
        return self.mean + sum(a * np.cos(2 * np.pi * order * turn + phase) for order, a, phase in self.harmonics)


def table_of(name: str, data: bytes) -> Table:
    """Return the table of an upload, which consists of 16-bit little-endian samples."""
    samples = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(float) / FULL_CODE
    return table_of_values(name, samples, data)


def table_of_values(name: str, samples: NDArray[np.float64], data: bytes = b"") -> Table:
    """Return the table of samples (in units of full scale), with its 64 largest harmonics as tones for the World."""
    if not len(samples):
        return Table(name, 0)
    spectrum = np.fft.rfft(samples) / len(samples)
    sizes = 2 * np.abs(spectrum)
    sizes[0] = 0.0
    if len(samples) % 2 == 0:
        sizes[-1] /= 2
    largest = np.argsort(sizes)[::-1][:MOST_TONES]
    harmonics = tuple(
        (int(order), float(sizes[order]), float(np.angle(spectrum[order])))
        for order in largest
        if sizes[order] > _LEAST_SHARE
    )
    return Table(name, len(samples), float(samples[0]), float(spectrum[0].real), harmonics, data)
