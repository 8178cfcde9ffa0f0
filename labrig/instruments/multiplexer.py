"""Ghosts of a multiplexer: the remainder of one channel's voltage in the next channel of a scan.

A card with a single converter connects it to one channel after another. The sampling capacitance still has the voltage
of the previous channel. It shares its charge immediately with the capacitance of the node and its cable, and then
settles through the resistance of the node, in the limited time until the conversion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

SAMPLING_F = 100e-12
"""Sampling capacitance of a multiplexed card whose data sheet is not known (F): the value of NI's X series."""

LEAD_F = 1e-9
"""Default capacitance of a node and its cable (F): eight wipers of 120 pF, or ten metres of cable."""

SMALL_GHOST = 1e-3
"""Largest ghost, as a fraction of the previous channel's voltage, that causes no warning."""


@dataclass(frozen=True, slots=True)
class Lead:
    """The connection between a node and its digitizer input.

    Attributes
    ----------
    farad : float
        Capacitance of the node and the cable (F).
    buffer_ohm : float or None
        Output resistance of a buffer amplifier between node and input (Ω); None without an amplifier.
    """

    farad: float = LEAD_F
    buffer_ohm: float | None = None


DIRECT = Lead()
"""An input connected to its node by a cable of the default capacitance."""


def switching_s(skew_s: Sequence[float], sample_rate_hz: float) -> Array:
    """(C,) times (s) from the switching of the multiplexer to the conversion, for each channel of a scan.

    Parameters
    ----------
    skew_s : sequence of C float
        Delay of each channel after the start of the scan (s).
    sample_rate_hz : float
        Scans per second. The first channel of a scan follows the last channel of the previous scan.
    """
    return np.diff(skew_s, prepend=skew_s[-1] - 1 / sample_rate_hz)


def ghost(sampling_f: float, farad: ArrayLike, ohm: ArrayLike, settling_s: ArrayLike) -> Array:
    """Fraction of the previous channel's voltage that remains in the next: C_s/C · exp(−t/(R·C)), C = C_s + C_p.

    Parameters
    ----------
    sampling_f : float
        Sampling capacitance of the multiplexer, C_s (F).
    farad : array_like
        Capacitance of the node and its cable, C_p (F).
    ohm : array_like
        Resistance of the node as seen from the input, R (Ω).
    settling_s : array_like
        Time from switching to conversion, t (s).
    """
    total_f = sampling_f + np.asarray(farad, dtype=float)
    decays = np.asarray(settling_s, dtype=float) / np.maximum(np.asarray(ohm, dtype=float) * total_f, 1e-15)
    return sampling_f / total_f * np.exp(-decays)


def settling_needed_s(sampling_f: float, farad: ArrayLike, ohm: ArrayLike, fraction: float) -> Array:
    """Time (s) from switching until the ghost has decayed to `fraction`; the other parameters are those of `ghost`."""
    total_f = sampling_f + np.asarray(farad, dtype=float)
    return np.asarray(ohm, dtype=float) * total_f * np.maximum(np.log(sampling_f / total_f / fraction), 0.0)
