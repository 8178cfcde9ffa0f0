"""What a periodic output buffer plays: a constant and tones on whole cycles of the buffer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labrig.signals.tones import Tone, ToneProgram

MOST_TONES = 64
_ROUNDING = 1e-9


def recognise(samples: NDArray[np.float64], rate_hz: float, step_v: float) -> ToneProgram | None:
    """The program that `samples` (M,) in volts, repeated for ever at `rate_hz`, play; None: no such sum of few tones.

    Exact samples give exact tones; samples that were rounded to the converter's step (V) are recognised too. Each
    sample is held for 1/rate, so a tone comes out weaker by sin(x)/x, x = π f/rate, and half a sample late; the delay
    is the caller's, common to all tones.
    """
    count = len(samples)
    if (samples == samples[0]).all():  # most channels, most of the time
        return ToneProgram(float(samples[0]))
    bins = np.fft.rfft(samples) / count
    dc = float(bins[0].real)
    bins[0] = 0
    strongest = [int(k) for k in np.argsort(-np.abs(bins), kind="stable")[: MOST_TONES + 1]]
    peak = float(np.abs(samples).max(initial=0.0))
    for tolerance in (_ROUNDING * peak, 0.75 * step_v):
        tones: list[tuple[int, complex]] = []
        rest = samples - dc
        for k in strongest:
            if np.abs(rest).max(initial=0.0) <= tolerance:
                return _program(dc, tones, count, rate_hz)
            if len(tones) == MOST_TONES:
                break
            phasor = (1 if 2 * k == count else 2) * complex(bins[k])
            tones.append((k, phasor))
            rest = rest - np.real(phasor * np.exp(2j * np.pi * ((k * np.arange(count)) % count) / count))
    return None


def _program(dc: float, tones: list[tuple[int, complex]], count: int, rate_hz: float) -> ToneProgram:
    return ToneProgram(
        dc,
        tuple(
            Tone(k * rate_hz / count, float(abs(phasor) * np.sinc(k / count)), float(np.angle(phasor)))
            for k, phasor in sorted(tones)
        ),
    )
