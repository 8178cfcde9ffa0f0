"""Recognition of tones in a periodic output buffer: a constant plus tones on whole cycles of the buffer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labrig.signals.tones import Tone, ToneProgram

MOST_TONES = 64
_ROUNDING = 1e-9


def recognise(samples: NDArray[np.float64], rate_hz: float, step_v: float) -> ToneProgram | None:
    """Find the tone program that a repeated buffer plays.

    Exact samples give exact tones; samples rounded to the DAC's step are recognised too. Each sample is held for
    1/rate, which attenuates a tone by sin(x)/x, x = π f/rate, and delays it by half a sample. The caller adds the
    delay, which is common to all tones.

    Parameters
    ----------
    samples
        (M,) samples (V).
    rate_hz
        Update rate (S/s).
    step_v
        Step of the DAC (V).

    Returns
    -------
    ToneProgram or None
        None if the samples are not a constant plus a few tones.
    """
    count = len(samples)
    if (samples == samples[0]).all():  # the most common case
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
