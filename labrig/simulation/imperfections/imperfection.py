"""The contract of an imperfection: its value in a configuration, and where it acts."""

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
        Number of the acquisition, from 1.
    first, last : int
        The scans first … last − 1, counted from the start of the acquisition.
    began_s : float
        Time from the start of the bench to the start of the acquisition (s).
    rate_hz : float
        Scans per second.
    columns : (C,) int array
        Positions of the sampled channels among all channels of the digitizer.
    """

    acquisition: int
    first: int
    last: int
    began_s: float
    rate_hz: float
    columns: NDArray[np.intp]

    @property
    def times_s(self) -> Array:
        """(n,) times of the scans since the start of the bench (s); independent of how an acquisition is split."""
        return self.began_s + np.arange(self.first, self.last) / self.rate_hz


Transfer = Callable[[Array, NDArray[np.intp]], Array]
"""(U, C) volts at inputs, and positions (C,) of their channels → (U, C) volts as read.

Each scan is mapped by itself. The function must not change the volts passed to it.
"""


@dataclass(frozen=True, slots=True)
class Switching:
    """The inputs of one scan as the multiplexer sees them, in the order of conversion.

    Attributes
    ----------
    ohm : (C,) array
        Resistance of each node as seen from its input, at the present conductances (Ω).
    farad : (C,) array
        Capacitance of each node and its cable (F).
    settling_s : (C,) array
        Time from switching to the conversion of each input (s).
    """

    ohm: Array
    farad: Array
    settling_s: Array


Memory = Callable[[Switching], Array]
"""Inputs of a scan → (C,) weight, from 0 to 1, of the voltage of the previous input in the reading of each input."""

Addition = Callable[[Scans], Array]
"""Scans → (n, C) volts that are added to them, as a new array."""


OutputTransfer = Callable[[Array], Array]
"""(...) ideal open-circuit volts of a source's channel → (...) actual volts."""

Player = Callable[[ToneProgram], ToneProgram]
"""Program requested of a source's channel → program that it plays."""


class Imperfection:
    """A deviation from the ideal, simulated on `bench: simulated` and `bench: wire` alike.

    A subclass overrides methods or attributes where the imperfection acts; all others are ideal. Random values come
    from `labrig.random_streams.RandomStream(self.seed, name)`, with a different name for every imperfection.

    Parameters
    ----------
    value
        The value of the imperfection's key in the configuration, validated as `Options`.
    seed : int
        Seed of the simulation.

    Attributes
    ----------
    Options
        Type of `value`: a number or a quantity (`labrig.quantities.Voltage`), or a `Section` with several keys.
    converts : bool
        Whether sources and digitizers round to their bits, and programmers to their levels. If False for all
        imperfections, codes are float64 volts, and conductances are continuous.
    u_gain, u_offset_v : float
        Contribution to the standard uncertainty that a digitizer states for its gain (relative) and zero (V).
    u_source_gain : float
        Contribution to the standard uncertainty that a source states for its gain (relative).
    u_pickup : float
        Standard deviation of the crosstalk between a source and an input, as a share of the tone of the source.
    """

    Options: ClassVar[Any] = NoOptions
    converts: bool = False
    u_gain: float = 0.0
    u_offset_v: float = 0.0
    u_pickup: float = 0.0
    u_source_gain: float = 0.0
    noise_is_common: bool = False
    """Whether all channels share the noise of `noise_variance`."""

    def __init__(self, value: Any, seed: int) -> None:
        self.value = value
        self.seed = seed

    def source_gain(self, channel: str) -> float:
        """Return the ratio of the voltage that a source's channel ("awg/0") plays to the requested one."""
        return 1.0

    def output(self, channel: str, full_scale_v: float) -> OutputTransfer | None:
        """Return a function that distorts the output (± `full_scale_v`) of a source's channel ("awg/0"); None if ideal.

        It acts on the output of the converter after scaling by `source_gain`.
        """
        return None

    def player(self, channel: str) -> Player | None:
        """Return a function that changes the tones of a source's channel ("awg/0"); None if they do not change."""
        return None

    def network(self, network: Network) -> Network:
        """Return the network that is actually on the board, with the same nodes, edges and sources as `network`."""
        return network

    def node_farad(self, lead: Lead) -> float:
        """Return the capacitance to ground (F) of the node that this lead connects with an input."""
        return 0.0

    def specimens(self, programmer: str, parts: Sequence[Part]) -> Sequence[Part]:
        """Return the parts that are actually in the channels of a programmer, instead of `parts`."""
        return parts

    def transfer(self, digitizer: str, channels: int) -> Transfer | None:
        """Return a function that distorts the voltages at the inputs of a digitizer; None if there is no distortion.

        Called once for each digitizer, with its name and number of channels.
        """
        return None

    def scan_delay_s(self, digitizer: str, channels: int) -> Array | None:
        """Return the (channels,) delays of a digitizer's channels beyond the stated ones (s); None if all are 0."""
        return None

    def coupling(self, digitizer: str, channels: int, sources: Sequence[str]) -> Array | None:
        """Return the (S, channels) share of each source's tones that is added to each input; None if all are 0."""
        return None

    def memory(self, digitizer: str) -> Memory | None:
        """Return a function that gives the weight of the previous channel in each reading; None if it has no weight.

        Called once for each digitizer. It has no effect on a digitizer that samples simultaneously.
        """
        return None

    def noise_variance(self, hz: float, samples: int, rate_hz: float) -> float:
        """Return the variance (V²) that this noise gives one quadrature of a tone, or DC (0 Hz), in a window."""
        return 0.0

    def addition(self, digitizer: str, channels: int) -> Addition | None:
        """Return a function that gives the voltages added to the samples of a digitizer; None if nothing is added.

        Called once for each digitizer.
        """
        return None
