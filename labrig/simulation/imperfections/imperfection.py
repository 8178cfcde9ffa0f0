"""The contract of an imperfection: its key, what is written after it, and where it acts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from labrig.config.section import NoOptions
from labrig.instruments.multiplexer import Lead
from labrig.instruments.parts import Part
from labrig.network.physics import Network
from labrig.signals.tones import ToneProgram

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scans:
    """Consecutive scans of one acquisition of a digitizer.

    Attributes
    ----------
    acquisition : int
        Its number, from 1.
    first, last : int
        The scans first … last − 1, counted from the start of the acquisition.
    began_s : float
        When the acquisition began, since the bench started (s).
    rate_hz : float
        Scans per second.
    columns : (C,) int array
        Which of the digitizer's channels are sampled, by their position among all of them.
    """

    acquisition: int
    first: int
    last: int
    began_s: float
    rate_hz: float
    columns: NDArray[np.intp]

    @property
    def times_s(self) -> Array:
        """(n,) when each scan is taken, since the bench started (s): the same for a scan, whatever piece it is in."""
        return self.began_s + np.arange(self.first, self.last) / self.rate_hz


Transfer = Callable[[Array, NDArray[np.intp]], Array]
"""(U, C) volts at the inputs of channels, and which channels (C,) of the digitizer these are → (U, C) volts as read.

Each scan is mapped by itself. The volts that are passed in must not be changed.
"""


@dataclass(frozen=True, slots=True)
class Switching:
    """The inputs of one scan as a multiplexer meets them, in the order in which they are converted.

    Attributes
    ----------
    ohm : (C,) array
        Resistance of each node as seen from its input, with the edges as they are now (Ω).
    farad : (C,) array
        Capacitance of each node and its cable (F).
    settling_s : (C,) array
        Time from switching to the conversion of each input (s).
    """

    ohm: Array
    farad: Array
    settling_s: Array


Memory = Callable[[Switching], Array]
"""Inputs of a scan → (C,) how much of the reading of each input is the voltage of the input before it, from 0 to 1."""

Addition = Callable[[Scans], Array]
"""Scans → (n, C) volts that are added to them, in an array of their own."""


OutputTransfer = Callable[[Array], Array]
"""(...) open-circuit volts of a source's channel → (...) volts that it really gives."""

Player = Callable[[ToneProgram], ToneProgram]
"""What a source's channel is told to play → what it plays."""


class Imperfection:
    """Something that a simulated bench gets wrong on purpose, on `bench: simulated` and `bench: wire` alike.

    It acts where a subclass overrides a method or an attribute; whatever it does not override is as it should be. What
    it draws at random comes from `labrig.random_streams.RandomStream(self.seed, name)`, with a name of its own.

    Parameters
    ----------
    value
        What is written after its key, validated as `Options`.
    seed : int
        Seed of the simulation.

    Attributes
    ----------
    Options
        Type of what is written after its key: a number or a quantity (`labrig.quantities.Voltage`), or a `Section` of
        several keys.
    converts : bool
        Whether sources and digitizers round to their bits, and programmers to their levels. Without it codes are
        float64 volts, and conductances continuous.
    u_gain, u_offset_v : float
        What it adds to the standard uncertainty that a digitizer states of its gain (relative) and of its zero (V).
    u_source_gain : float
        What it adds to the standard uncertainty that a source states of its gain (relative).
    """

    Options: ClassVar[Any] = NoOptions
    converts: bool = False
    u_gain: float = 0.0
    u_offset_v: float = 0.0
    u_source_gain: float = 0.0

    def __init__(self, value: Any, seed: int) -> None:
        self.value = value
        self.seed = seed

    def source_gain(self, channel: str) -> float:
        """What a source's channel ("awg/0") plays, as a ratio to what it was asked for."""
        return 1.0

    def output(self, channel: str, full_scale_v: float) -> OutputTransfer | None:
        """How the output of a source's channel ("awg/0") distorts volts of ± `full_scale_v`; None if it does not.

        It acts on what the converter gives and `source_gain` has scaled.
        """
        return None

    def player(self, channel: str) -> Player | None:
        """How the tones of a source's channel ("awg/0") differ from what it is told to play; None if they do not."""
        return None

    def network(self, network: Network) -> Network:
        """The network that is really on the board, in place of this. It has the same nodes, edges and sources."""
        return network

    def node_farad(self, lead: Lead) -> float:
        """Capacitance from a node to ground (F), of a node that this connects with an input."""
        return 0.0

    def specimens(self, programmer: str, parts: Sequence[Part]) -> Sequence[Part]:
        """The parts that are really in the channels of a programmer, in place of these."""
        return parts

    def transfer(self, digitizer: str, channels: int) -> Transfer | None:
        """How the channels of a digitizer distort the voltages at their inputs; None if they do not.

        Asked once for each digitizer, by its name and its number of channels.
        """
        return None

    def scan_delay_s(self, digitizer: str, channels: int) -> Array | None:
        """(channels,) how much later than it states a digitizer samples each channel (s); None if it does not."""
        return None

    def coupling(self, digitizer: str, channels: int, sources: Sequence[str]) -> Array | None:
        """(S, channels) what share of the tones of each source channel is added to each input; None if nothing is."""
        return None

    def memory(self, digitizer: str) -> Memory | None:
        """What a digitizer remembers of the previous channel of a scan; None if it forgets at once.

        Asked once for each digitizer. One that samples simultaneously has no previous channel.
        """
        return None

    def addition(self, digitizer: str, channels: int) -> Addition | None:
        """What is added to each sample of a digitizer; None if nothing is. Asked once for each digitizer."""
        return None
