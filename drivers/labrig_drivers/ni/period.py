"""The length of a buffer of tones that can be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, lcm

from labrig.errors import ConfigError

LONGEST_BUFFER = 100_000
"""Longest common period of the tones (samples per channel): every load sends the whole buffer."""

SHORTEST_BUFFER = 500
"""Smallest buffer (samples). A shorter period is repeated: a board cannot play from a handful of samples."""


def common_period(name: str, rate_hz: float, frequencies_hz: Sequence[float]) -> int:
    """Length (samples) of the shortest buffer with whole cycles of every tone.

    Parameters
    ----------
    name
        The instrument, for error messages.
    rate_hz
        Update rate (S/s).
    frequencies_hz
        Frequencies of the tones (Hz).

    Raises
    ------
    ConfigError
        If a tone is too fast, or if there is no such buffer.
    """
    count = 1
    for frequency in set(frequencies_hz):
        exact = Fraction(frequency) / Fraction(rate_hz)
        near = exact.limit_denominator(LONGEST_BUFFER)
        count = lcm(count, near.denominator)
        # Planned frequencies are quotients rounded to floats, so numbers this close are the same frequency.
        if count > LONGEST_BUFFER or abs(near - exact) > exact * Fraction(1, 10**14):
            raise ConfigError(
                f"{frequency:.9g} Hz has no common period with the other tones within {LONGEST_BUFFER} samples "
                f"at {rate_hz:g} S/s",
                device=name,
                action="load",
                remedy="use an update_rate that is a multiple of acquisition.sample_rate, or a shorter window",
            )
        if 2 * exact >= 1:
            raise ConfigError(
                f"{frequency:g} Hz cannot be played; raise update_rate or lower the frequency",
                device=name,
                action="load",
                limit=f"half the update rate, {rate_hz / 2:g} Hz",
            )
    return count * ceil(SHORTEST_BUFFER / count)
