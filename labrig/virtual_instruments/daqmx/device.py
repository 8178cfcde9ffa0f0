"""Virtual DAQmx devices: what a board is, which resources its tasks hold, and what its outputs hold at present."""

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

    name: as in NI MAX ("PXI1Slot4"). instrument: its entry in the configuration, whose channels the board's wiring
    names ("daq/ai0"); ao_instrument where its outputs stand under another entry. serial: 32 bits.
    ai_ranges_v, ao_full_scale_v: ± volts. convert_interval_s: shortest time from one channel of a scan to the next, 0
    where all are sampled at once. ao_settle_s: from an update until the network sees it.
    sample_clock: the terminal that an external sample clock comes to, as the configuration has it, at the rate that a
    task names; "": none does.
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
        """A board with the figures of `model`'s data sheet. Raises KeyError for a model that is not known."""
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
    """What the board makes of a rate: its timebase divided by a whole number, never slower than asked."""
    return TIMEBASE_HZ / max(1, math.floor(TIMEBASE_HZ / rate_hz * (1 + 1e-12)))


def convert_rate(device: VirtualDevice, channels: int, sample_rate_hz: float) -> float:
    """The convert clock DAQmx chooses (Hz).

    As fast as the converter goes plus 10 µs of padding; where a scan is too short for that, the conversions are evenly
    spread over it (NI 622x User Manual, "AI Convert Clock Signal"). A single channel is not padded.
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
    """A board at work. Whoever calls holds the bench's lock."""

    def __init__(self, device: VirtualDevice, bench: VirtualBench) -> None:
        self.device = device
        self.ai_names = tuple(f"ai{k}" for k in range(device.ai_channels))
        self.ao_names = tuple(f"ao{k}" for k in range(device.ao_channels))
        self._bench = bench
        self._ao_instrument = device.ao_instrument or device.instrument
        self._front_ends: dict[float, FrontEnd] = {}
        self._held: dict[str, object] = {}
        self._last_drive: dict[str, float] = {}
        self._levels: dict[str, float] = {}  # of channels that hold a level that was written to them

    @property
    def instruments(self) -> tuple[str, ...]:
        """Entries of the configuration that are this board."""
        return tuple(dict.fromkeys((self.device.instrument, self._ao_instrument)))

    def power_up(self) -> None:
        """0 V on every output: these boards have no relay that could open them."""
        self.drive(self._bench.clock(), dict.fromkeys(self.ao_names, SILENT))

    def drive(self, t: float, programs: Mapping[str, ToneProgram]) -> None:
        """From t (s) on, plus the settling time of the outputs, each named channel plays its program; tones count from
        t."""
        for channel, program in programs.items():
            self._levels.pop(channel, None)
            effective = max(t + self.device.ao_settle_s, self._last_drive.get(channel, -math.inf))
            self._last_drive[channel] = effective
            self._bench.world.drive(effective, f"{self._ao_instrument}/{channel}", program.after(effective - t))

    def hold(self, t: float, volts: Mapping[str, float]) -> None:
        """From t (s) on, plus the settling time, each named channel holds a level (V). A level that stands is left."""
        changed = {channel: ToneProgram(v) for channel, v in volts.items() if self._levels.get(channel) != v}
        self.drive(t, changed)
        self._levels.update(volts)

    def front_end(self, range_v: float) -> FrontEnd:
        """The inputs in one range. An input has its bits on every bench, so it converts in preset `ideal` too."""
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
        """The narrowest range that holds both limits."""
        wanted = max(abs(lowest_v), abs(highest_v))
        for range_v in sorted(self.device.ai_ranges_v):
            if wanted <= range_v:
                return range_v
        raise DaqmxFailure(
            DAQmxErrors.INVALID_ATTRIBUTE_VALUE,
            f"Property: DAQmx_AI_Max\nRequested Value: {wanted:g}\nMaximum Value: {max(self.device.ai_ranges_v):g}",
        )

    def line(self, terminal: str) -> str | None:
        """The bench's trigger line behind a terminal of this board, without its device name; None: there is none."""
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
        """Whether a reference clock can come from a terminal of this board, without its device name."""
        signal = terminal.casefold()
        if signal in ("pxie_clk100", "pxi_clk10"):
            return self.device.model.startswith("PXIe-")
        return signal in ("onboardclock", "10mhzrefclock") or self.line(terminal) is not None

    def terminals_of(self, channel: str) -> tuple[TerminalConfiguration, ...]:
        """How an analog input or output may be wired."""
        if channel in self.ao_names:
            return (TerminalConfiguration.RSE,)
        single = TerminalConfiguration.RSE, TerminalConfiguration.NRSE
        return (TerminalConfiguration.DIFF, *single) if int(channel[2:]) % (2 * PAIRED) < PAIRED else single

    def reserve(self, task: object, resources: Sequence[str]) -> None:
        """All of the resources or DaqmxFailure -50103."""
        for resource in resources:
            if self._held.get(resource, task) is not task:
                raise DaqmxFailure(DAQmxErrors.PAL_RESOURCE_RESERVED, f"Device: {self.device.name}")
        self._held.update(dict.fromkeys(resources, task))

    def release(self, task: object) -> None:
        self._held = {resource: holder for resource, holder in self._held.items() if holder is not task}
