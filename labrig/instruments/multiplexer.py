"""What a multiplexer leaves of one channel in the next: the settling of a scanned input through its node.

A card with one converter connects it to one channel after another. Its sampling capacitance arrives with the voltage of
the previous channel, shares its charge with the capacitance of the node and its cable at once, and then settles through
the resistance of the node. Only that much of the time until the conversion is left as the scan allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

SAMPLING_F = 100e-12
"""Sampling capacitance of a multiplexed card if its data sheet is not known (F): that of NI's X series."""

LEAD_F = 1e-9
"""Capacitance of a node and its cable by default (F): eight wipers of 120 pF, or ten metres of cable."""

SMALL_GHOST = 1e-3
"""A ghost up to this fraction of the previous channel is not worth a warning."""


@dataclass(frozen=True, slots=True)
class Lead:
    """What connects a node with its input.

    Attributes
    ----------
    farad : float
        Capacitance of the node and the cable (F).
    buffer_ohm : float or None
        Output resistance of the amplifier between them (Ω); None if the input is connected to the node itself.
    """

    farad: float = LEAD_F
    buffer_ohm: float | None = None


DIRECT = Lead()
"""An input connected to its node by a cable of the default capacitance."""


def switching_s(skew_s: Sequence[float], sample_rate_hz: float) -> Array:
    """(C,) time from switching to each channel of a scan until its conversion (s).

    Parameters
    ----------
    skew_s : sequence of C
        Delay of each channel after the start of the scan (s).
    sample_rate_hz : float
        Scans per second. The first channel is reached after the last one of the scan before.
    """
    return np.diff(skew_s, prepend=skew_s[-1] - 1 / sample_rate_hz)


def ghost(sampling_f: float, farad: ArrayLike, ohm: ArrayLike, settling_s: ArrayLike) -> Array:
    """The fraction of the previous channel's voltage that is left in the next: C_s/C · exp(−t/(R·C)), C = C_s + C_p.

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
    """Time from switching to conversion that leaves this `fraction` of the previous channel (s); else as `ghost`."""
    total_f = sampling_f + np.asarray(farad, dtype=float)
    return np.asarray(ohm, dtype=float) * total_f * np.maximum(np.log(sampling_f / total_f / fraction), 0.0)
