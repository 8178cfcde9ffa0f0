"""Settings written by the checks: two patterns within the configured range that differ in every channel."""

from __future__ import annotations

from collections.abc import Mapping

from labrig.instruments.data import Continuous, Level, LevelTable, Setting, Target
from labrig.learning.updates import within
from labrig.testing.station import Subject


def patterns(
    subject: Subject, levels: Mapping[str, LevelTable | Continuous]
) -> tuple[dict[str, Setting], dict[str, Setting]]:
    """Return two settings of every wired channel. Neighbouring channels differ, so that a swap is noticed."""
    low, high = subject.station.assembly.network.programmable.range
    first: dict[str, Setting] = {}
    second: dict[str, Setting] = {}
    for position, channel in enumerate(subject.channels):
        realizable = within(levels[channel], low, high)
        share = 0.25 + 0.5 * (position % 7) / 7
        first[channel], second[channel] = (_setting(realizable, at) for at in (share, share + 0.1))
    return first, second


def _setting(realizable: LevelTable | Continuous, share: float) -> Setting:
    """Return the setting at a fraction of the way from the lowest to the highest conductance."""
    if isinstance(realizable, Continuous):
        return Target(realizable.minimum + share * (realizable.maximum - realizable.minimum))
    return Level(int(realizable.codes[round(share * (len(realizable.codes) - 1))]))
