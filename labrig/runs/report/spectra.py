"""Lines of a spectrum, and the origin of each: a tone, a harmonic of a tone, mains, or unknown (a spur)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Kind = Literal["tone", "harmonic", "mains", "spur"]

ABOVE_FLOOR = 5.0
"""A line is at least this many times as high as the floor around it. The amplitude of noise is Rayleigh distributed and
exceeds k times its median in a share of 2^(−k²) of the bins: here once in 3·10⁷."""
AROUND = 25
"""Half-width of the stretch whose median is the floor (bins)."""
HARMONICS = 15
MAINS_HZ = (50.0, 60.0)
MAINS_MULTIPLES = 20
NUMERICAL = 1e-7
"""Share of the highest line below which an amplitude is an error of arithmetic: samples are stored as float32. Without
noise, the floor between the lines of a periodic window is no higher."""
WITHIN = 1.5
"""Distance up to which a line is explained (bins); the main lobe of a Hann window is two bins to either side."""


@dataclass(frozen=True)
class Line:
    """A line: frequency (Hz), amplitude (V), origin, and a label such as "3 × 2000 Hz"."""

    frequency_hz: float
    amplitude_v: float
    kind: Kind
    label: str


def lines(frequency: Array, amplitude: Array, tones_hz: Sequence[float], sample_rate_hz: float) -> list[Line]:
    """Return the lines of one channel, highest first.

    Parameters
    ----------
    frequency, amplitude
        (F,) as `labrig.runs.spectrum.amplitudes` returns them.
    tones_hz
        Frequencies of the tones.
    sample_rate_hz
        Sample rate; harmonics above half of it are looked for at the frequencies to which they are aliased.
    """
    step = float(frequency[1] - frequency[0])
    peaks = _peaks(amplitude)
    known = _expected(tones_hz, sample_rate_hz)
    left = [k for k in peaks if _nearest(frequency[k], known, step) is None]
    mains = _mains(frequency, left, step)
    found = []
    for k in peaks:
        own = _nearest(frequency[k], known, step) or _nearest(frequency[k], mains, step)
        kind, label = own or ("spur", f"{frequency[k]:.6g} Hz")
        found.append(Line(float(frequency[k]), float(amplitude[k]), kind, label))
    return sorted(found, key=lambda line: -line.amplitude_v)


def _peaks(amplitude: Array) -> list[int]:
    """Return the bins that stand out from the floor around them and are higher than their neighbours."""
    if len(amplitude) < 8:
        return []
    width = min(2 * AROUND + 1, len(amplitude))
    padded = np.pad(amplitude, width // 2, mode="reflect" if len(amplitude) > width // 2 else "edge")
    floor = np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)[: len(amplitude)]
    before, after = np.r_[0.0, amplitude[:-1]], np.r_[amplitude[1:], 0.0]
    stands_out = amplitude > np.maximum(ABOVE_FLOOR * floor, NUMERICAL * amplitude.max())
    return np.flatnonzero(stands_out & (amplitude >= before) & (amplitude > after)).tolist()


def _expected(tones_hz: Sequence[float], sample_rate_hz: float) -> list[tuple[float, Kind, str]]:
    """Return frequency, kind and label of every tone, then of their harmonics, folded into the spectrum."""
    expected: list[tuple[float, Kind, str]] = [(f, "tone", f"{f:g} Hz") for f in tones_hz]
    for order in range(2, HARMONICS + 1):
        for tone in tones_hz:
            folded = abs((order * tone + sample_rate_hz / 2) % sample_rate_hz - sample_rate_hz / 2)
            expected.append((folded, "harmonic", f"{order} × {tone:g} Hz"))
    return expected


def _mains(frequency: Array, peaks: list[int], step: float) -> list[tuple[float, Kind, str]]:
    """Return the multiples of the mains frequency that explains more of these peaks; none if neither explains one.

    With windows of few periods of the mains, every line is close to a multiple; then only three are looked for.
    """
    best: list[tuple[float, Kind, str]] = []
    most = 0
    for mains in MAINS_HZ:
        multiples = MAINS_MULTIPLES if step * 4 * WITHIN <= mains else 3
        expected: list[tuple[float, Kind, str]] = [
            (n * mains, "mains", f"{n} × {mains:g} Hz mains" if n > 1 else f"{mains:g} Hz mains")
            for n in range(1, multiples + 1)
        ]
        explained = sum(_nearest(float(frequency[k]), expected, min(step, mains / 6)) is not None for k in peaks)
        if explained > most:
            best, most = expected, explained
    return best


def _nearest(frequency: float, expected: Sequence[tuple[float, Kind, str]], step: float) -> tuple[Kind, str] | None:
    """Return kind and label of the first expected line that is close enough; None if there is none."""
    for other, kind, label in expected:
        if abs(frequency - other) <= WITHIN * step:
            return kind, label
    return None
