"""Demodulation of one window that is already in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from labrig.errors import ConfigError
from labrig.instruments.data import AcquisitionPlan, Block
from labrig.lockin.demodulated import Demodulated
from labrig.lockin.demodulator import Demodulator
from labrig.lockin.drops import DropTerms


def demodulate(
    samples: ArrayLike,
    sample_rate_hz: float,
    frequencies_hz: Sequence[float],
    edges: ArrayLike | DropTerms | None = None,
    reference: int | None = None,
    skew_s: Sequence[float] | None = None,
    mains_hz: Sequence[float] = (),
    aperture_s: float = 0.0,
) -> Demodulated:
    """Demodulate one window. This function wraps `Demodulator` for a single use.

    Parameters
    ----------
    samples : (T, C)
        Scans of the channels (V).
    sample_rate_hz, frequencies_hz : float, (F,)
        Scans per second, and the frequencies of the tones (Hz).
    edges : (E, C) array or DropTerms
        Weight of each channel in each drop; no drops by default.
    reference : int
        Column of the pilot; without one, phases are relative to the centre of the window.
    skew_s : (C,)
        Delay of each channel within a scan (s).
    mains_hz : sequence of float
        Possible mains frequencies (Hz); hum at one of them is fitted if it is found.
    aperture_s : float
        Time over which each sample is an average (s).
    """
    volts = np.asarray(samples, dtype=np.float64)
    if volts.ndim != 2:
        raise ConfigError(f"samples of shape {volts.shape} are not scans of channels", limit="(T, C)")
    scans, channels = int(volts.shape[0]), int(volts.shape[1])
    plan = AcquisitionPlan(
        sample_rate_hz=sample_rate_hz,
        settle_samples=0,
        window_samples=scans,
        channels=tuple(str(c) for c in range(channels)),
        ranges_v=(np.inf,) * channels,
        skew_s=tuple(skew_s) if skew_s is not None else (0.0,) * channels,
        aperture_s=aperture_s,
    )
    drops = np.zeros((0, channels)) if edges is None else edges
    demodulator = Demodulator(plan, frequencies_hz, drops, reference, mains_hz=mains_hz)
    scale = np.tile([0.0, 1.0, 0.0, 0.0], (channels, 1))
    demodulator.feed(Block(volts, scale, start_index=0, overrange=np.full(channels, False)))
    return demodulator.result()
