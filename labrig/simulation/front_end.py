"""The front end of a simulated digitizer: its input voltages with imperfections, and the codes of every sample.

The in-process face and the virtual instruments of `bench: wire` both use it, so both benches read the same codes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labrig.instruments.multiplexer import DIRECT, switching_s
from labrig.simulation.faults import FaultSchedule, SampleFault
from labrig.simulation.imperfections import Imperfections, Scans, Switching
from labrig.simulation.world import Stretch, World

Array = NDArray[np.float64]

APERTURE_NODES = 8
"""Number of instants in an aperture at which a voltage is averaged: exact to 1e-13 for tones below Nyquist."""

ENTRIES_AT_ONCE = 1 << 15
"""Number of samples that are rounded together, so that they stay in the processor's cache."""


class FrontEnd:
    """The inputs of one digitizer in one range.

    Parameters
    ----------
    name : str
        Name of the instrument.
    channels : sequence of str
        All channels of the instrument.
    bits : int
        Resolution of its converter.
    full_scale_v : float
        The range is ± full_scale_v (V).
    imperfections : Imperfections
        Imperfections of the bench.
    converts : bool
        Whether samples become integer codes; if False they stay float64 volts.
    aperture_s : float
        Duration, centred on the time of a sample, over which the sample is averaged (s).
    """

    def __init__(
        self,
        name: str,
        channels: Sequence[str],
        bits: int,
        full_scale_v: float,
        imperfections: Imperfections,
        converts: bool,
        aperture_s: float = 0.0,
    ) -> None:
        self._name = name
        self._aperture_s = aperture_s
        self._column = {channel: column for column, channel in enumerate(channels)}
        self._columns: dict[tuple[str, ...], NDArray[np.intp]] = {}
        self._nodes: dict[tuple[str, ...], tuple[str | None, ...]] = {}
        self._bits = bits
        self._full_scale_v = full_scale_v
        self._converts = converts
        self._memories = imperfections.memories(name)
        self._transfers = imperfections.transfers(name, len(channels))
        self._additions = imperfections.additions(name, len(channels))
        self._scan_delay_s = imperfections.scan_delay_s(name, len(channels))
        self._imperfections = imperfections
        self._couplings: dict[tuple[str, ...], Array | None] = {}

    @property
    def step_v(self) -> float:
        """Volts per code; 1 if codes are volts."""
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
        """Return the (n, C) voltages of the scans `span` = (first, last + 1) of an acquisition that began at t0.

        A channel that is not wired to a node reads 0 V.
        """
        first, last = span
        nodes = self._nodes_of(world, tuple(channels))
        columns = self._columns_of(tuple(channels))
        start = t0 + first / rate
        skewed = any(skew_s)
        taken_s: Sequence[float] = skew_s if skewed else ()
        if self._scan_delay_s is not None:
            taken_s = (np.asarray(skew_s, dtype=float) + self._scan_delay_s[columns]).tolist()
        coupling = self._coupling_of(world, tuple(channels))
        if self._aperture_s:
            stretches = _averaged(world, nodes, start, rate, last - first, taken_s, coupling, self._aperture_s)
        else:
            stretches = _stretches(world, nodes, start, rate, last - first, taken_s, coupling)
        volts = self._added(Scans(acquisition, first, last, t0 - world.started_s, rate, columns))
        sensors = self._sensors_of(world, tuple(channels))
        for stretch in stretches:
            read = stretch.unique if sensors is None else stretch.unique * sensors
            if skewed and self._memories:
                at = start + (stretch.last - 1) / rate + max(skew_s)
                remaining = self._remaining(world, channels, nodes, at, rate, skew_s)
                read = self._remembered(Stretch(stretch.first, stretch.last, read), remaining)
            for transfer in self._transfers:
                read = transfer(read, columns)
            Stretch(stretch.first, stretch.last, read).add_to(volts)
        if not world.faults.empty:
            self._apply_faults(volts, world.faults, channels, start, rate)
        if None in nodes:
            volts[:, [node is None for node in nodes]] = 0.0
        return volts

    def _remaining(
        self,
        world: World,
        channels: Sequence[str],
        nodes: Sequence[str | None],
        t: float,
        rate: float,
        skew_s: Sequence[float],
    ) -> Array:
        """Return the (C,) fraction of each reading at t that is the voltage of the channel scanned before it."""
        wired = [node is not None for node in nodes]
        seen = world.resistances([node for node in nodes if node is not None], t)
        if seen is None:
            return np.zeros(len(channels))
        ohm = np.zeros(len(channels))
        ohm[wired] = seen
        leads = [world.wiring.leads.get(f"{self._name}/{channel}", DIRECT) for channel in channels]
        for column, lead in enumerate(leads):
            if lead.buffer_ohm is not None:
                ohm[column] = lead.buffer_ohm
        scan = Switching(ohm, np.array([lead.farad for lead in leads]), switching_s(skew_s, rate))
        return np.sum([memory(scan) for memory in self._memories], axis=0)

    @staticmethod
    def _remembered(stretch: Stretch, fraction: Array) -> Array:
        """Return the (U, C) unique scans of a stretch, with `fraction` (C,) of the channel before in each reading."""
        volts = stretch.unique
        read = np.empty_like(volts)
        repeats = len(volts) < stretch.last - stretch.first
        before = np.concatenate((volts[-1:, -1] if repeats else volts[:1, -1], volts[:-1, -1]))
        for column in range(volts.shape[1]):
            read[:, column] = volts[:, column] + fraction[column] * (before - volts[:, column])
            before = read[:, column]
        return read

    def _columns_of(self, channels: tuple[str, ...]) -> NDArray[np.intp]:
        """Return the (C,) positions of `channels` among all channels of the digitizer; cached for each set."""
        if channels not in self._columns:
            self._columns[channels] = np.array([self._column[channel] for channel in channels], dtype=np.intp)
        return self._columns[channels]

    def _coupling_of(self, world: World, channels: tuple[str, ...]) -> Array | None:
        """Return the (S, C) share of the tones of each source that is added to each channel; None if there is none."""
        if channels not in self._couplings:
            coupling = self._imperfections.coupling(self._name, len(self._column), world.sources)
            sensors = self._sensors_of(world, channels)  # the coupling is in volts, behind the sensors
            if coupling is not None:
                coupling = coupling[:, self._columns_of(channels)] / (1.0 if sensors is None else sensors)
            self._couplings[channels] = coupling
        return self._couplings[channels]

    def _nodes_of(self, world: World, channels: tuple[str, ...]) -> tuple[str | None, ...]:
        """Return the (C,) nodes at the channels, None for unwired ones; cached for each set of channels."""
        if channels not in self._nodes:
            senses = world.wiring.senses
            self._nodes[channels] = tuple(senses.get(f"{self._name}/{channel}") for channel in channels)
        return self._nodes[channels]

    def _sensors_of(self, world: World, channels: tuple[str, ...]) -> Array | None:
        """Return the (C,) volts per unit of the state at each channel; None if there are no sensors."""
        known = world.wiring.sensors
        return np.array([known.get(f"{self._name}/{channel}", 1.0) for channel in channels]) if known else None

    def _added(self, scans: Scans) -> Array:
        """Return the (n, C) voltages that imperfections add to those at the inputs."""
        if not self._additions:
            return np.zeros((scans.last - scans.first, len(scans.columns)))
        volts = self._additions[0](scans)
        for addition in self._additions[1:]:
            volts += addition(scans)
        return volts

    def _apply_faults(
        self, volts: Array, faults: FaultSchedule, channels: Sequence[str], start: float, rate: float
    ) -> None:
        """Change the readings of a channel while a fault acts on it."""
        for fault, channel, since, until in faults.during(self._name, SampleFault, start, start + len(volts) / rate):
            if channel in channels:
                first, last = (math.ceil(min(max(0.0, (t - start) * rate), len(volts))) for t in (since, until))
                column = channels.index(channel)
                volts[first:last, column] = fault.read(volts[first:last, column], self._full_scale_v)

    def codes(self, volts: Array) -> tuple[NDArray, NDArray[np.bool_]]:
        """Return (n, C) codes, and a (C,) mask of channels that reached an end of their range; overwrites `volts`."""
        if not self._converts:
            return volts, _reached(volts, -self._full_scale_v, self._full_scale_v)
        lowest, highest = -(2 ** (self._bits - 1)), 2 ** (self._bits - 1) - 1
        codes = np.empty(volts.shape, dtype=np.int16 if self._bits <= 16 else np.int32)
        overrange = np.zeros(volts.shape[1], dtype=bool)
        rows = max(1, ENTRIES_AT_ONCE // volts.shape[1])
        for first in range(0, len(volts), rows):
            part = volts[first : first + rows]
            part *= 1 / self.step_v
            np.rint(part, out=part)
            reached = _reached(part, lowest, highest)
            if reached.any():
                overrange |= reached
                np.clip(part, lowest, highest, out=part)
            codes[first : first + rows] = part
        return codes, overrange


def _stretches(
    world: World,
    nodes: Sequence[str | None],
    t0: float,
    rate: float,
    n: int,
    skew_s: Sequence[float],
    coupling: Array | None,
) -> list[Stretch]:
    """Return the voltages at the inputs; 0 V for inputs that are not wired to a node."""
    there = tuple(node for node in nodes if node is not None)
    if len(there) == len(nodes):
        return world.stretches(there, t0, rate, n, skew_s, coupling)
    wired = [column for column, node in enumerate(nodes) if node is not None]
    late = [skew_s[column] for column in wired if skew_s]
    found = world.stretches(there, t0, rate, n, late, None if coupling is None else coupling[:, wired])
    stretches = []
    for stretch in found:
        volts = np.zeros((len(stretch.unique), len(nodes)))
        volts[:, wired] = stretch.unique
        stretches.append(Stretch(stretch.first, stretch.last, volts))
    return stretches


def _averaged(
    world: World,
    nodes: Sequence[str | None],
    t0: float,
    rate: float,
    n: int,
    skew_s: Sequence[float],
    coupling: Array | None,
    aperture_s: float,
) -> list[Stretch]:
    """Return the voltages averaged over `aperture_s` around the time of each sample, by Gauss-Legendre quadrature."""
    volts = np.zeros((n, len(nodes)))
    for node, weight in zip(*np.polynomial.legendre.leggauss(APERTURE_NODES), strict=True):
        part = np.zeros_like(volts)
        for stretch in _stretches(world, nodes, t0 + node * aperture_s / 2, rate, n, skew_s, coupling):
            stretch.add_to(part)
        volts += weight / 2 * part
    return [Stretch(0, n, volts)]


def _reached(values: NDArray, lowest: float, highest: float) -> NDArray[np.bool_]:
    """Return a (C,) mask of the channels that reach an end of their range."""
    # The whole array is tested first: testing columns is several times slower, and clipping is rare.
    if values.min() > lowest and values.max() < highest:
        return np.zeros(values.shape[1], dtype=bool)
    return (values.min(axis=0) <= lowest) | (values.max(axis=0) >= highest)
