"""The front end of a simulated digitizer: gain, offset, noise and codes of every sample of every channel.

The in-process face and the virtual instruments on the wire share it, so both benches read the same codes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labrig.random_streams import RandomStream
from labrig.simulation.fault_schedule import FaultSchedule
from labrig.simulation.imperfections import Imperfections
from labrig.simulation.world import Stretch, World

Array = NDArray[np.float64]

NOISE_BLOCK = 1024
"""Scans whose noise is drawn together: a place in a random stream is (acquisition, block)."""


class FrontEnd:
    """name: of the instrument. channels: every one it has. bits, full_scale_v (±): of its converter."""

    def __init__(
        self,
        name: str,
        channels: Sequence[str],
        bits: int,
        full_scale_v: float,
        imperfections: Imperfections,
        seed: int,
    ) -> None:
        self._name = name
        self._row = {channel: row for row, channel in enumerate(channels)}
        self._bits = bits
        self._full_scale_v = full_scale_v
        self._imperfections = imperfections
        self._noise = RandomStream(seed, f"noise/{name}")
        draw = RandomStream(seed, f"digitizer/{name}").at(0)
        self._gain = 1 + imperfections.digitizer_gain * draw.standard_normal(len(channels))
        self._offset = imperfections.digitizer_offset_v * draw.standard_normal(len(channels))

    @property
    def step_v(self) -> float:
        """Volts of one code; 1 where codes are volts."""
        return 2 * self._full_scale_v / 2**self._bits if self._imperfections.converters else 1.0

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
        rows = [self._row[channel] for channel in channels]
        gain, offset = self._gain[rows], self._offset[rows]
        volts = self._drawn_noise(first, last, len(rows), acquisition)
        for stretch in stretches:
            Stretch(stretch.first, stretch.last, stretch.unique * gain + offset).add_to(volts)
        if not world.faults.empty:
            self._overdrive(volts, world.faults, channels, start, rate)
        return volts

    def _overdrive(
        self, volts: Array, faults: FaultSchedule, channels: Sequence[str], start: float, rate: float
    ) -> None:
        """Twice the range on a channel that a fault drives out of it, for the scans of that time."""
        for fault, since, until in faults.during(self._name, "over_range", start, start + len(volts) / rate):
            if fault.channel in channels:
                first, last = (min(max(0.0, (t - start) * rate), len(volts)) for t in (since, until))
                volts[math.ceil(first) : math.ceil(last), channels.index(fault.channel)] = 2 * self._full_scale_v

    def _drawn_noise(self, first: int, last: int, channels: int, acquisition: int) -> Array:
        """(last − first, channels) noise (V) of these scans, however they are split into spans."""
        noise = np.zeros((last - first, channels))
        if self._imperfections.noise_v > 0:
            for block in range(first // NOISE_BLOCK, -(-last // NOISE_BLOCK)):
                begins = block * NOISE_BLOCK
                inside = slice(max(first, begins) - begins, min(last, begins + NOISE_BLOCK) - begins)
                # Seven digits are plenty for noise, and drawn faster.
                drawn = self._noise.at(acquisition, block).standard_normal((inside.stop, channels), dtype=np.float32)
                rows = noise[begins + inside.start - first : begins + inside.stop - first]
                np.multiply(drawn[inside], self._imperfections.noise_v, out=rows, dtype=np.float64)
        return noise

    def codes(self, volts: Array) -> tuple[NDArray, NDArray[np.bool_]]:
        """(n, C) codes, and (C,) which channels touched an end of their range. `volts` is used up."""
        if not self._imperfections.converters:
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
