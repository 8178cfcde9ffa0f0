"""The front end of a simulated digitizer: what imperfections make of its inputs, and the codes of every sample.

The in-process face and the virtual instruments on the wire share it, so both benches read the same codes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labrig.simulation.faults import FaultSchedule, SampleFault
from labrig.simulation.imperfections import Imperfections, Scans
from labrig.simulation.world import Stretch, World

Array = NDArray[np.float64]


class FrontEnd:
    """The inputs of one digitizer in one range.

    Parameters
    ----------
    name : str
        Name of the instrument.
    channels : sequence of str
        Every channel it has.
    bits : int
        Resolution of its converter.
    full_scale_v : float
        ± range (V).
    imperfections : Imperfections
        Imperfections of the bench.
    converts : bool
        Whether samples become codes; without it they stay float64 volts.
    """

    def __init__(
        self,
        name: str,
        channels: Sequence[str],
        bits: int,
        full_scale_v: float,
        imperfections: Imperfections,
        converts: bool,
    ) -> None:
        self._name = name
        self._column = {channel: column for column, channel in enumerate(channels)}
        self._columns: dict[tuple[str, ...], NDArray[np.intp]] = {}
        self._bits = bits
        self._full_scale_v = full_scale_v
        self._converts = converts
        self._transfers = imperfections.transfers(name, len(channels))
        self._additions = imperfections.additions(name, len(channels))

    @property
    def step_v(self) -> float:
        """Volts of one code; 1 where codes are volts."""
        return 2 * self._full_scale_v / 2**self._bits if self._converts else 1.0

    def sample(
        self,
        world: World,
        channels: Sequence[str],
        t0: float,
        rate: float,
        span: tuple[int, int],
        acquisition: int,
        skew_s: Sequence[float],
    ) -> Array:
        """(n, C) input voltages of the scans `span` = (first, last + 1) of an acquisition that began at t0."""
        first, last = span
        nodes = [world.wiring.senses[f"{self._name}/{channel}"] for channel in channels]
        start = t0 + first / rate
        stretches = world.stretches(nodes, start, rate, last - first, skew_s if any(skew_s) else ())
        columns = self._columns_of(tuple(channels))
        volts = self._added(Scans(acquisition, first, last, start, rate, columns))
        for stretch in stretches:
            read = stretch.unique
            for transfer in self._transfers:
                read = transfer(read, columns)
            Stretch(stretch.first, stretch.last, read).add_to(volts)
        if not world.faults.empty:
            self._apply_faults(volts, world.faults, channels, start, rate)
        return volts

    def _columns_of(self, channels: tuple[str, ...]) -> NDArray[np.intp]:
        """(C,) positions of channels among all of the digitizer; found once for each set of channels."""
        if channels not in self._columns:
            self._columns[channels] = np.array([self._column[channel] for channel in channels], dtype=np.intp)
        return self._columns[channels]

    def _added(self, scans: Scans) -> Array:
        """(n, C) volts that come on top of what is at the inputs."""
        if not self._additions:
            return np.zeros((scans.last - scans.first, len(scans.columns)))
        volts = self._additions[0](scans)
        for addition in self._additions[1:]:
            volts += addition(scans)
        return volts

    def _apply_faults(
        self, volts: Array, faults: FaultSchedule, channels: Sequence[str], start: float, rate: float
    ) -> None:
        """Change what a channel reads while a fault acts on it."""
        for fault, channel, since, until in faults.during(self._name, SampleFault, start, start + len(volts) / rate):
            if channel in channels:
                first, last = (math.ceil(min(max(0.0, (t - start) * rate), len(volts))) for t in (since, until))
                column = channels.index(channel)
                volts[first:last, column] = fault.read(volts[first:last, column], self._full_scale_v)

    def codes(self, volts: Array) -> tuple[NDArray, NDArray[np.bool_]]:
        """(n, C) codes, and (C,) which channels touched an end of their range. `volts` is used up."""
        if not self._converts:
            return volts, _reached(volts, -self._full_scale_v, self._full_scale_v)
        lowest, highest = -(2 ** (self._bits - 1)), 2 ** (self._bits - 1) - 1
        volts *= 1 / self.step_v
        np.rint(volts, out=volts)
        overrange = _reached(volts, lowest, highest)
        if overrange.any():
            np.clip(volts, lowest, highest, out=volts)
        return volts.astype(np.int16 if self._bits <= 16 else np.int32), overrange


def _reached(values: NDArray, lowest: float, highest: float) -> NDArray[np.bool_]:
    """(C,) channels that touch an end of their range."""
    # Over the whole array first: per column is several times slower, and clipping is rare.
    if values.min() > lowest and values.max() < highest:
        return np.zeros(values.shape[1], dtype=bool)
    return (values.min(axis=0) <= lowest) | (values.max(axis=0) >= highest)
