"""Combines all imperfections of one bench for its instruments."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import reduce

from labrig.instruments.multiplexer import Lead
from labrig.instruments.parts import Part
from labrig.network.physics import Network
from labrig.simulation.imperfections.imperfection import (
    Addition,
    Array,
    Imperfection,
    Memory,
    OutputTransfer,
    Player,
    Transfer,
)


class Imperfections:
    """All imperfections of a bench. Instruments use only this class, and do not know single imperfections by name."""

    def __init__(self, members: Sequence[Imperfection]) -> None:
        self._members = tuple(members)

    @property
    def convert(self) -> bool:
        """Whether instruments round to their bits and levels."""
        return any(each.converts for each in self._members)

    @property
    def u_gain(self) -> float:
        """Standard uncertainty of a digitizer's gain, relative."""
        return math.hypot(*(each.u_gain for each in self._members if each.u_gain))

    @property
    def u_offset_v(self) -> float:
        """Standard uncertainty of a digitizer's zero (V)."""
        return math.hypot(*(each.u_offset_v for each in self._members if each.u_offset_v))

    @property
    def u_source_gain(self) -> float:
        """Standard uncertainty of the gain of a source's channel, relative."""
        return math.hypot(*(each.u_source_gain for each in self._members if each.u_source_gain))

    def source_gain(self, channel: str) -> float:
        """Return the ratio of the voltage that a source's channel ("awg/0") plays to the requested one."""
        return math.prod((each.source_gain(channel) for each in self._members), start=1.0)

    def outputs(self, channel: str, full_scale_v: float) -> list[OutputTransfer]:
        """Return the functions that distort the output of a source's channel, in the order in which they act."""
        found = (each.output(channel, full_scale_v) for each in self._members)
        return [output for output in found if output is not None]

    def players(self, channel: str) -> list[Player]:
        """Return the functions that change the tones of a source's channel, in the order in which they act."""
        found = (each.player(channel) for each in self._members)
        return [player for player in found if player is not None]

    def network(self, network: Network) -> Network:
        """Return the network that is actually on the board."""
        return reduce(lambda real, each: each.network(real), self._members, network)

    def node_farad(self, lead: Lead) -> float:
        """Return the capacitance from a node to ground (F)."""
        return sum(each.node_farad(lead) for each in self._members)

    def specimens(self, programmer: str, part: Part, channels: int) -> Sequence[Part]:
        """Return the actual part in each channel of a programmer with this nominal part."""
        nominal: Sequence[Part] = [part] * channels
        return reduce(lambda parts, each: each.specimens(programmer, parts), self._members, nominal)

    def transfers(self, digitizer: str, channels: int) -> list[Transfer]:
        """Return the functions that distort the channels of a digitizer, in the order in which they act."""
        found = (each.transfer(digitizer, channels) for each in self._members)
        return [transfer for transfer in found if transfer is not None]

    def scan_delay_s(self, digitizer: str, channels: int) -> Array | None:
        """Return the (channels,) delays of a digitizer's channels beyond the stated ones (s); None if all are 0."""
        return _sum(each.scan_delay_s(digitizer, channels) for each in self._members)

    def coupling(self, digitizer: str, channels: int, sources: Sequence[str]) -> Array | None:
        """Return the (S, channels) share of each source's tones that is added to each input; None if all are 0."""
        return _sum(each.coupling(digitizer, channels, sources) for each in self._members)

    def memories(self, digitizer: str) -> list[Memory]:
        """Return the functions that give the weight of the previous channel in each reading of a digitizer."""
        found = (each.memory(digitizer) for each in self._members)
        return [memory for memory in found if memory is not None]

    def additions(self, digitizer: str, channels: int) -> list[Addition]:
        """Return the functions that give the voltages added to the samples of a digitizer."""
        found = (each.addition(digitizer, channels) for each in self._members)
        return [addition for addition in found if addition is not None]


def _sum(parts: Iterable[Array | None]) -> Array | None:
    """Return the sum of the parts that are not None; None if there are none."""
    there = [part for part in parts if part is not None]
    return reduce(lambda total, part: total + part, there) if there else None
