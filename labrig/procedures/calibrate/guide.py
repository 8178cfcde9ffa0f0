"""Guides the user through the fixtures of a calibration: asks for the connections of each, and opens a rig on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.assembly import Assembly
from labrig.assembly.assembly import BENCHES
from labrig.assembly.sections.tone_request import tone_period
from labrig.calibration.calibrated import EARLY
from labrig.calibration.fixture import Fixture
from labrig.errors import ConfigError, Overrange
from labrig.instruments.contracts import Bench
from labrig.instruments.data import AcquisitionPlan, Identity
from labrig.instruments.drivers import DigitizerCapabilities, ProgrammerCapabilities, SourceCapabilities
from labrig.instruments.guard import GuardedProgrammer, GuardedSource
from labrig.learning.measurement import Excitation
from labrig.lockin.demodulated import Demodulated
from labrig.network.physics import GROUND
from labrig.rig.hookup import EdgeWire, Hookup, SenseWire, SourceWire
from labrig.rig.limits import Limits
from labrig.rig.rig import Rig
from labrig.signals.tone_planner import PlanError, TonePlan, cycles_in_band, cycles_on_mains, plan_tones, repeating

Array = NDArray[np.float64]
Opened = Callable[[Rig], AbstractContextManager[Rig]]

TONES = 8
"""Number of frequencies at which responses are measured."""

WINDOW_S = 0.5
"""Longest window of one acquisition (s)."""

LARGEST_DRIVE = 0.8
"""Largest amplitude, as a fraction of the smallest full scale."""

ANY_SIGN = 2.0
"""Value of `Limits.misread` that accepts readings of any size and sign, because a calibration looks for such errors."""

APART = 1 << 20
"""Step of the acquisition number between two fixtures on a simulated bench, so that no two share their noise."""


@dataclass(frozen=True)
class Standards:
    """The standards of a calibration: a voltage reference and resistors.

    Attributes
    ----------
    volts, u_volts : float
        Voltage of the reference (V), and its relative standard uncertainty.
    ohm, u_ohm : float
        Resistance of the standard resistors (Ω), and its relative standard uncertainty.
    """

    volts: float
    u_volts: float
    ohm: float
    u_ohm: float


class Guide:
    """The instruments of a configuration, and the fixtures that are connected one after another.

    Parameters
    ----------
    assembly : Assembly
        The configuration; its own calibration record is not applied.
    standards : Standards
        The standards in use.
    connect : callable
        Asks for the connections of a fixture, and returns once they are made. An error that it raises ends the
        calibration.
    opened : callable
        Opens a rig, as a context manager that makes the rig safe on every exit.
    """

    def __init__(
        self, assembly: Assembly, standards: Standards, connect: Callable[[Fixture], None], opened: Opened
    ) -> None:
        self.assembly = replace(assembly, calibration=None)
        self.standards = standards
        self._connect = connect
        self._opened = opened
        self._state: Mapping[str, Any] = {}
        self.identities: dict[str, Identity] = {}
        hookup = assembly.board.hookup
        self.hookup = hookup
        self.able: DigitizerCapabilities = assembly.devices[hookup.digitizer].digitizer
        self.pilot = hookup.pilot
        self.pilot_input = f"{hookup.digitizer}/{hookup.senses[hookup.pilot_column].channel}"
        self.inputs = tuple(f"{hookup.digitizer}/{wire.channel}" for wire in hookup.senses)
        self.other_inputs = tuple(label for label in self.inputs if label != self.pilot_input)
        self.outputs = tuple(dict.fromkeys(wire.label for wire in (*hookup.inputs, *hookup.outputs)))
        if len(self.other_inputs) < 2:
            raise ConfigError(
                f"{hookup.digitizer} needs two wired inputs other than the pilot's, but has {len(self.other_inputs)}",
                remedy="wire another node to the digitizer",
            )
        lowest_hz = {name: assembly.devices[name].source.lowest_hz for name in hookup.sources}
        for name, lowest in {**lowest_hz, hookup.digitizer: self.able.lowest_hz}.items():
            if lowest:
                raise ConfigError(
                    f"{name} is AC-coupled, but a calibration plays and reads levels",
                    remedy="measure its full scale as drivers/README.md says",
                )
        self.programmers = {
            name: device.programmer
            for name, device in assembly.devices.items()
            if isinstance(device.capabilities, ProgrammerCapabilities) and name in hookup.programmers
        }

    @property
    def is_multiplexed(self) -> bool:
        """Whether the digitizer reads its channels one after another."""
        return any(self.able.skew_s(len(self.inputs), self.assembly.acquisition.sample_rate))

    @property
    def drive_v(self) -> float:
        """Largest voltage that any source may play into any input (V)."""
        sources = [
            each.capabilities.full_scale_v
            for each in self.assembly.devices.values()
            if isinstance(each.capabilities, SourceCapabilities)
        ]
        return LARGEST_DRIVE * min(*sources, self.able.full_scale_v, self.assembly.limits.node_v)

    def tones(self, count: int, window_s: float = WINDOW_S) -> TonePlan:
        """Return `count` tones, in the band of the configuration or above it, that avoid low-order intermodulation."""
        acquisition = self.assembly.acquisition
        rate = acquisition.sample_rate
        low, high = acquisition.band
        samples = self.samples(window_s)
        band = low, max(high, min(0.45 * rate, 4 * high))
        repeats = tone_period(self.assembly.devices)
        request: dict[str, Any] = {
            "sample_rate_hz": rate,
            "window_samples": samples,
            "count": count,
            "repeats": repeats,
        }
        try:
            return plan_tones(**request, band_hz=band, order=3, mains_hz=acquisition.mains_hz)
        except PlanError:
            return plan_tones(**request, band_hz=band, order=2, mains_hz=acquisition.mains_hz)

    def tones_throughout(self, count: int) -> TonePlan:
        """Return `count` tones from the lowest to the highest frequency that a calibration or a run may use.

        Their intermodulation products may coincide. Tones are evenly spaced, except that those of long period are
        preferred, because a short period is rounded alike each time.
        """
        acquisition, samples = self.assembly.acquisition, self.samples(WINDOW_S)
        rate = acquisition.sample_rate
        low, high = min(acquisition.band[0], 0.4 * rate), min(acquisition.band[1], 0.45 * rate)
        others = self.tones(TONES)
        band = min(low, *others.frequencies_hz), max(high, *others.frequencies_hz)
        on_mains = cycles_on_mains(rate, samples, acquisition.mains_hz)
        grid = math.gcd(samples, *others.cycles)  # a generator's table holds whole cycles of these together
        allowed = [k for k in cycles_in_band(rate, samples, band) if k % grid == 0 and k not in on_mains]
        if len(allowed) < 2 * count:
            return self.tones(count)
        even = np.linspace(allowed[0], allowed[-1], count)
        near = np.array_split(allowed, 2 * count - 1)[::2]
        cycles = (
            min(map(int, some), key=lambda k, at=at: (math.gcd(k, samples), abs(k - at)))
            for some, at in zip(near, even, strict=True)
        )
        return TonePlan(rate, samples, tuple(cycles))

    def tone_of_long_period(self, window_s: float) -> TonePlan:
        """Return the tone in the band of the configuration that repeats as late in the window as possible.

        Rounding by converters then averages out, and what remains shows in the uncertainty. A tone with a period of
        eight samples, in contrast, is rounded alike in every period.
        """
        acquisition, samples = self.assembly.acquisition, self.samples(window_s)
        rate = acquisition.sample_rate
        on_mains = cycles_on_mains(rate, samples, acquisition.mains_hz)
        played = repeating(cycles_in_band(rate, samples, acquisition.band), samples, tone_period(self.assembly.devices))
        allowed = [k for k in played if k not in on_mains]
        if not allowed:
            return self.tones(1, window_s)
        return TonePlan(rate, samples, (min(allowed, key=lambda k: (math.gcd(k, samples), k)),))

    def samples(self, window_s: float) -> int:
        """Return the number of samples of a window, rounded down to whole periods of the sources' tones.

        For sources that play any tone, this period is taken as 0.1 s, which contains whole periods of the mains.
        """
        rate = self.assembly.acquisition.sample_rate
        length = min(window_s, max(self.assembly.acquisition.window, self.assembly.limits.step_s / 2))
        period_s = 0.1 if (repeats := tone_period(self.assembly.devices)) is None else repeats / rate
        return round(rate * (math.floor(length / period_s + 1e-9) * period_s if length >= period_s else length))

    @contextmanager
    def fixture(self, fixture: Fixture) -> Iterator[Station]:
        """Ask for the connections of a fixture, and yield the bench with it; outputs are off before and after."""
        self._connect(fixture)
        assembly = replace(self.assembly, fixture=fixture)
        bench: Bench = import_module(BENCHES[assembly.header.bench]).build(assembly)
        try:
            bench.resume(self._state)
            yield Station(self, bench, fixture, self._opened)
            state = bench.state()
            if state:
                self._state = {**state, "acquisitions": state["acquisitions"] + APART}
        finally:
            bench.close()


@dataclass(frozen=True)
class Station:
    """A bench on which one fixture is connected."""

    guide: Guide
    bench: Bench
    fixture: Fixture
    opened: Opened

    @contextmanager
    def rig(self, tones: TonePlan, pilot_v: float, inputs: Sequence[str] = (), window: int = 0) -> Iterator[Bay]:
        """Open a rig on the fixture.

        Parameters
        ----------
        tones : TonePlan
            All tones; each may be played by any source.
        pilot_v : float
            Sum of the pilot's amplitudes (V).
        inputs : sequence of str
            The digitizer channels, in the order of the scan; by default as in the configuration.
        window : int
            Samples of a window; by default as in the tone plan.
        """
        guide, assembly = self.guide, self.guide.assembly
        digitizer = guide.hookup.digitizer
        labels = tuple(inputs) or tuple(label for label in guide.inputs if label in self.fixture.senses)
        first = labels[0]
        outputs = tuple(
            SourceWire(label, device, channel, 1.0, assembly.devices[device].source.full_scale_v, reads=first)
            for label, (device, channel) in zip(guide.outputs, map(_split, guide.outputs), strict=True)
        )
        pilot = replace(guide.pilot, node=guide.pilot_input, ohm=1.0)
        sensed = {node: label for label, node in self.fixture.senses.items()}
        edges = tuple(
            EdgeWire(label, sensed[node], GROUND, *_split(label)) for label, node in self.fixture.parts.items()
        )
        hookup = Hookup(
            digitizer=digitizer,
            inputs=(),
            outputs=outputs,
            pilot=pilot,
            senses=tuple(SenseWire(label, _split(label)[1]) for label in labels),
            edges=edges,
        )
        samples = window or tones.window_samples
        rate = assembly.acquisition.sample_rate
        plan = AcquisitionPlan(
            sample_rate_hz=rate,
            settle_samples=assembly.acquisition_timing.plan.settle_samples + EARLY,
            window_samples=samples,
            channels=tuple(wire.channel for wire in hookup.senses),
            ranges_v=(guide.able.full_scale_v,) * len(labels),
            skew_s=(0.0,) * len(labels),
        )
        limits = Limits(assembly.limits.node_v, math.inf, assembly.limits.step_s + samples / rate, ANY_SIGN)
        programmers = tuple(dict.fromkeys(edge.device for edge in edges))
        needed = dict.fromkeys((*guide.hookup.sources, digitizer, *programmers))
        instruments: dict[str, Any] = {name: assembly.connected(self.bench, name) for name in needed}
        rig = Rig(
            hookup=hookup,
            sources={
                name: GuardedSource(name, instruments[name], assembly.devices[name].source)
                for name in guide.hookup.sources
            },
            digitizer=instruments[digitizer],
            programmers={
                name: GuardedProgrammer(name, instruments[name], assembly.devices[name].programmer)
                for name in programmers
            },
            plan=plan,
            tones=tones,
            activation="dc",
            pilot_v=pilot_v,
            limits=limits,
            clock=self.bench.clock,
            identities={
                name: Identity(device.options.model or "", device.options.serial or "")
                for name, device in assembly.devices.items()
            },
            mains_hz=assembly.acquisition.mains_hz,
            up=assembly.power.up,
            stages=assembly.power.stages(assembly.devices),
        )
        try:
            with self.opened(rig):
                guide.identities.update(rig.identities)
                yield Bay(rig, labels, pilot_v / len(tones.frequencies_hz))
        except Overrange as error:
            smaller = "a smaller reference (--reference)" if self.fixture.reference_v else "a smaller limits.node"
            raise Overrange(
                error.message,
                device=error.device,
                action=f"calibrate with the fixture '{self.fixture.name}'",
                remedy=f"check the connections; if the gain is high, or the offset large, use {smaller}",
            ) from error


@dataclass(frozen=True)
class Bay:
    """An open rig on a fixture, with the labels of the digitizer channels and the amplitude of each pilot tone (V)."""

    rig: Rig
    labels: tuple[str, ...]
    pilot_v: float

    def measure(
        self, tones: Mapping[str, Sequence[float]] | None = None, levels: Mapping[str, float] | None = None
    ) -> Demodulated:
        """Play tones with amplitudes (F,) (V) for each source channel, and constant voltages; return the reading.

        The systematic uncertainties of the reading exclude the stated errors of zero and gain, which the calibration
        measures. What remains is mostly rounding, which averaging over repeats does not reduce.
        """
        nodes = [wire.node for wire in self.rig.hookup.outputs]
        error = np.zeros((self.rig.error_tones, len(nodes)))
        constant = np.zeros(len(nodes))
        for label, amplitudes in (tones or {}).items():
            error[:, nodes.index(label)] = amplitudes
        for label, volts in (levels or {}).items():
            constant[nodes.index(label)] = volts
        read = self.rig.measure(Excitation(np.zeros(0), error=error, constant=constant)).demodulated
        self.rig.confirm()
        u_dc, u_tones = read.without_stated(self.rig.plan.u_offset_v, self.rig.plan.u_gain)
        return replace(read, systematic_dc=u_dc, systematic_channel=u_tones)


def u_of_dc(reads: Sequence[Demodulated]) -> Array:
    """Return the (C,) standard uncertainties of the mean DC of repeated readings (V)."""
    noise = np.mean([each.u_dc for each in reads], axis=0) / math.sqrt(len(reads))
    return np.hypot(noise, np.mean([each.systematic_dc for each in reads], axis=0))


def u_of_tones(reads: Sequence[Demodulated]) -> Array:
    """Return the (F, C) standard uncertainties of the mean phasors of repeated readings (V)."""
    return np.hypot(noise_of_tones(reads), rounding_of_tones(reads))


def noise_of_tones(reads: Sequence[Demodulated]) -> Array:
    """Return the (F, C) standard errors of the mean phasors of repeated readings due to noise (V)."""
    return np.mean([each.u_channel for each in reads], axis=0) / math.sqrt(len(reads))


def rounding_of_tones(reads: Sequence[Demodulated]) -> Array:
    """Return the (F, C) systematic uncertainties of the phasors, common to all repeats and mostly rounding (V)."""
    return np.mean([each.systematic_channel for each in reads], axis=0)


def _split(label: str) -> tuple[str, str]:
    """Return the instrument and the channel of a label."""
    device, _, channel = label.partition("/")
    return device, channel
