"""Virtual DAQmx devices: data of a board, resources reserved by its tasks, present state of its outputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nidaqmx.constants import TerminalConfiguration
from nidaqmx.error_codes import DAQmxErrors

from labrig.signals.tones import SILENT, ToneProgram
from labrig.simulation.front_end import FrontEnd
from labrig.virtual_instruments.daqmx.errors import DaqmxFailure
from labrig.virtual_instruments.virtual_bench import VirtualBench

TIMEBASE_HZ = 100e6
CONVERT_PADDING_S = 10e-6


@dataclass(frozen=True)
class VirtualDevice:
    """One board.

    Attributes
    ----------
    name
        Name as in NI MAX ("PXI1Slot4").
    instrument
        Its configuration entry, used in the wiring ("daq/ai0").
    ao_instrument
        The entry of its outputs, if it is another one.
    serial
        Serial number (32 bits).
    ai_ranges_v, ao_full_scale_v
        Ranges (± V).
    convert_interval_s
        Shortest delay between successive channels of a scan (s); 0 for simultaneous sampling.
    ao_settle_s
        Delay from an update of an output to its effect on the network (s).
    sample_clock
        Terminal with an external sample clock, according to the configuration, at the rate set by the task; "" if
        there is none.
    """

    name: str
    model: str
    instrument: str
    serial: int = 0x01ABCDEF
    ai_channels: int = 0
    ao_channels: int = 0
    ai_max_single_rate_hz: float = 2e6
    ai_max_multi_rate_hz: float = 1e6
    ao_max_rate_hz: float = 1e6
    convert_interval_s: float = 1e-6
    bits: int = 16
    ai_ranges_v: tuple[float, ...] = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
    ao_full_scale_v: float = 10.0
    ao_settle_s: float = 20e-6
    ao_instrument: str = ""
    sample_clock: str = ""

    @classmethod
    def of(
        cls, model: str, *, name: str, instrument: str, serial: int = 0x01ABCDEF, sample_clock: str = ""
    ) -> VirtualDevice:
        """A board with the data sheet values of a model; raises KeyError for an unknown model."""
        return replace(MODELS[model], name=name, instrument=instrument, serial=serial, sample_clock=sample_clock)


MODELS: Mapping[str, VirtualDevice] = {
    **{
        model: VirtualDevice("", model, "", ai_channels=32, ao_channels=4, ao_max_rate_hz=2.86e6)
        for model in ("PXIe-6363", "PCIe-6363", "USB-6363")
    },
    "PXIe-6361": VirtualDevice("", "PXIe-6361", "", ai_channels=16, ao_channels=2, ao_max_rate_hz=2.86e6),
    "PXIe-6738": VirtualDevice("", "PXIe-6738", "", ao_channels=32),
    "PXIe-6739": VirtualDevice("", "PXIe-6739", "", ao_channels=64),
}


def coerced_rate(rate_hz: float) -> float:
    """The rate the board actually uses (Hz): its timebase divided by an integer, never below the requested rate."""
    return TIMEBASE_HZ / max(1, math.floor(TIMEBASE_HZ / rate_hz * (1 + 1e-12)))


def convert_rate(device: VirtualDevice, channels: int, sample_rate_hz: float) -> float:
    """The convert clock rate that DAQmx chooses (Hz).

    The shortest conversion interval plus 10 µs of padding. If the scan is too short for that, the conversions are
    spread evenly over it (NI 622x User Manual, "AI Convert Clock Signal"). A single channel is not padded.
    """
    if channels == 1:
        return coerced_rate(device.ai_max_single_rate_hz)
    padded_s = device.convert_interval_s + CONVERT_PADDING_S
    if channels * padded_s * sample_rate_hz <= 1:
        return coerced_rate(1 / padded_s)
    return coerced_rate(channels * sample_rate_hz)


ONBOARD_CLOCKS = ("", "onboardclock", "ai/sampleclock", "ao/sampleclock")
PAIRED = 8
"""Of each bank of 16 inputs the first eight are the positive halves of differential pairs."""


class DeviceState:
    """The state of a board. Callers hold the bench's lock."""

    def __init__(self, device: VirtualDevice, bench: VirtualBench) -> None:
        self.device = device
        self.ai_names = tuple(f"ai{k}" for k in range(device.ai_channels))
        self.ao_names = tuple(f"ao{k}" for k in range(device.ao_channels))
        self._bench = bench
        self._ao_instrument = device.ao_instrument or device.instrument
        self._front_ends: dict[float, FrontEnd] = {}
        self._held: dict[str, object] = {}
        self._last_drive: dict[str, float] = {}
        self._levels: dict[str, float] = {}  # of channels at a constant level

    @property
    def instruments(self) -> tuple[str, ...]:
        """Configuration entries of this board."""
        return tuple(dict.fromkeys((self.device.instrument, self._ao_instrument)))

    def power_up(self) -> None:
        """Set every output to 0 V; these boards have no output relays."""
        self.drive(self._bench.clock(), dict.fromkeys(self.ao_names, SILENT))

    def drive(self, t: float, programs: Mapping[str, ToneProgram]) -> None:
        """Set what channels play from time t plus the settling time on; the programs start at t."""
        for channel, program in programs.items():
            self._levels.pop(channel, None)
            effective = max(t + self.device.ao_settle_s, self._last_drive.get(channel, -math.inf))
            self._last_drive[channel] = effective
            self._bench.world.drive(effective, f"{self._ao_instrument}/{channel}", program.after(effective - t))

    def hold(self, t: float, volts: Mapping[str, float]) -> None:
        """Set channels to constant levels (V) from time t plus the settling time on. Unchanged levels are skipped."""
        changed = {channel: ToneProgram(v) for channel, v in volts.items() if self._levels.get(channel) != v}
        self.drive(t, changed)
        self._levels.update(volts)

    def front_end(self, range_v: float) -> FrontEnd:
        """The inputs in one range. They quantize even with the imperfection preset `ideal`."""
        if range_v not in self._front_ends:
            self._front_ends[range_v] = FrontEnd(
                self.device.instrument,
                self.ai_names,
                self.device.bits,
                range_v,
                self._bench.imperfections,
                converts=True,
            )
        return self._front_ends[range_v]

    def range_for(self, lowest_v: float, highest_v: float) -> float:
        """The narrowest range that covers both limits (± V)."""
        wanted = max(abs(lowest_v), abs(highest_v))
        for range_v in sorted(self.device.ai_ranges_v):
            if wanted <= range_v:
                return range_v
        raise DaqmxFailure(
            DAQmxErrors.INVALID_ATTRIBUTE_VALUE,
            f"Property: DAQmx_AI_Max\nRequested Value: {wanted:g}\nMaximum Value: {max(self.device.ai_ranges_v):g}",
        )

    def line(self, terminal: str) -> str | None:
        """The bench's trigger line at a terminal of this board (given without device name); None if there is none."""
        signal = terminal.casefold()
        if signal == "ai/starttrigger" and self.ai_names:
            return f"{self.device.instrument}/start"
        if signal == "ao/starttrigger" and self.ao_names:
            return f"{self._ao_instrument}/ao_start"
        if signal.startswith("pxi_trig"):  # one wire for the whole chassis
            return signal
        if signal.startswith("pfi") and signal[3:].isdigit():
            return f"{self.device.instrument}/{signal.upper()}"
        return None

    def gives_clock(self, terminal: str) -> bool:
        """Whether a terminal of this board (given without device name) can provide a reference clock."""
        signal = terminal.casefold()
        if signal in ("pxie_clk100", "pxi_clk10"):
            return self.device.model.startswith("PXIe-")
        return signal in ("onboardclock", "10mhzrefclock") or self.line(terminal) is not None

    def terminals_of(self, channel: str) -> tuple[TerminalConfiguration, ...]:
        """Terminal configurations that a channel supports."""
        if channel in self.ao_names:
            return (TerminalConfiguration.RSE,)
        single = TerminalConfiguration.RSE, TerminalConfiguration.NRSE
        return (TerminalConfiguration.DIFF, *single) if int(channel[2:]) % (2 * PAIRED) < PAIRED else single

    def reserve(self, task: object, resources: Sequence[str]) -> None:
        """Reserve resources for a task; raises DaqmxFailure -50103 if another task has one of them."""
        for resource in resources:
            if self._held.get(resource, task) is not task:
                raise DaqmxFailure(DAQmxErrors.PAL_RESOURCE_RESERVED, f"Device: {self.device.name}")
        self._held.update(dict.fromkeys(resources, task))

    def release(self, task: object) -> None:
        """Release all resources of a task."""
        self._held = {resource: holder for resource, holder in self._held.items() if holder is not task}
