"""The state of a virtual DAQmx device: resources reserved by its tasks, the programs of its outputs, its terminals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from nidaqmx.constants import ProductCategory, TerminalConfiguration
from nidaqmx.error_codes import DAQmxErrors

from labrig.signals.tones import SILENT, ToneProgram
from labrig.simulation.front_end import FrontEnd
from labrig.virtual_instruments.daqmx.errors import DaqmxFailure
from labrig.virtual_instruments.daqmx.models import PFI, VirtualDevice
from labrig.virtual_instruments.virtual_bench import VirtualBench

CONVERT_PADDING_S = 10e-6


def coerced_rate(device: VirtualDevice, rate_hz: float) -> float:
    """The rate the board actually uses (Hz): its timebase divided by an integer, never below the requested rate."""
    timebase_hz = device.timebase_hz
    return timebase_hz / max(1, math.floor(timebase_hz / rate_hz * (1 + 1e-12)))


def convert_rate(device: VirtualDevice, channels: int, sample_rate_hz: float) -> float:
    """The convert clock rate that DAQmx chooses (Hz).

    Its period is the shortest conversion interval plus 10 µs of padding. If the scan is too short for that, the
    conversions are spread evenly over it (NI 622x User Manual, "AI Convert Clock Signal"). A single channel is not
    padded.
    """
    if channels == 1:
        return coerced_rate(device, device.ai_max_single_rate_hz)
    padded_s = device.convert_interval_s + CONVERT_PADDING_S
    if channels * padded_s * sample_rate_hz <= 1:
        return coerced_rate(device, 1 / padded_s)
    return coerced_rate(device, channels * sample_rate_hz)


ONBOARD_CLOCKS = ("", "onboardclock", "ai/sampleclock", "ao/sampleclock")
PAIRED = 8
"""Number of inputs in a bank of 16 that can be the positive one of a differential pair; these are the first inputs."""


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
        self._levels: dict[str, float] = {}  # levels of the channels that play a constant
        self.chassis: DeviceState | None = None
        self.modules: list[DeviceState] = []

    def insert(self, module: DeviceState) -> None:
        """Put a module into this chassis, whose timing engine and terminals it uses."""
        self.modules.append(module)
        module.chassis = self

    @property
    def instruments(self) -> tuple[str, ...]:
        """Configuration entries of this board; for a chassis, the entries of its modules."""
        if self.modules:
            return tuple(dict.fromkeys(name for module in self.modules for name in module.instruments))
        return tuple(dict.fromkeys((self.device.instrument, self._ao_instrument)))

    @property
    def code_type(self) -> type[np.int16] | type[np.int32]:
        """Type of the codes of its inputs."""
        return np.int16 if self.device.bits <= 16 else np.int32

    def power_up(self) -> None:
        """Set every output to 0 V; these boards have no output relays."""
        self.drive(self._bench.clock(), dict.fromkeys(self.ao_names, SILENT))

    def drive(self, t: float, programs: Mapping[str, ToneProgram]) -> None:
        """Set the programs of channels, which start at time t, but take effect only after the settling time."""
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

    def range_for(self, kind: str, lowest_v: float, highest_v: float) -> float:
        """The narrowest range of the inputs (`ai`) or outputs (`ao`) that covers both limits (± V)."""
        ranges_v = self.device.ai_ranges_v if kind == "ai" else (self.device.ao_full_scale_v,)
        wanted = max(abs(lowest_v), abs(highest_v))
        for range_v in sorted(ranges_v):
            if wanted <= range_v:
                return range_v
        raise DaqmxFailure(
            DAQmxErrors.INVALID_ATTRIBUTE_VALUE,
            f"Property: DAQmx_{kind.upper()}_Max\nRequested Value: {wanted:g}\nMaximum Value: {max(ranges_v):g}",
        )

    def line(self, terminal: str) -> str | None:
        """The bench's trigger line at a terminal of this board (given without device name); None if there is none."""
        if self.chassis is not None:
            return self.chassis.line(terminal)
        signal = terminal.casefold()
        boards = self.modules or [self]
        if signal == "ai/starttrigger":
            return next((f"{board.device.instrument}/start" for board in boards if board.ai_names), None)
        if signal == "ao/starttrigger":
            return next((f"{board._ao_instrument}/ao_start" for board in boards if board.ao_names), None)
        if signal.startswith(("pxi_trig", "rtsi")):  # one wire for the whole chassis or computer
            return signal if signal in self._known_terminals else None
        return f"{boards[0].device.instrument}/{signal.upper()}" if signal in self._known_terminals else None

    @property
    def terminals(self) -> tuple[str, ...]:
        """Trigger terminals of this board or chassis, without device name; none for a module."""
        device = self.device
        if device.category is ProductCategory.C_SERIES_MODULE:
            return ()
        inputs = device.start_outputs if device.category is ProductCategory.COMPACT_DAQ_CHASSIS else PFI
        return tuple(dict.fromkeys((*inputs, *device.start_outputs)))

    @property
    def _known_terminals(self) -> frozenset[str]:
        return frozenset(name.casefold() for name in self.terminals)

    def check_output(self, terminal: str, outputs: Sequence[str]) -> None:
        """Raise DaqmxFailure -89136 if this board cannot output a signal at this terminal."""
        if terminal.casefold() not in {name.casefold() for name in outputs}:
            raise DaqmxFailure(
                DAQmxErrors.ROUTE_NOT_SUPPORTED_BY_HW_ROUTING,
                f"Destination Terminal: {terminal}\nDevice: {self.device.name}",
            )

    @property
    def start_outputs(self) -> tuple[str, ...]:
        """Terminals that can output its start triggers."""
        return (self.chassis or self).device.start_outputs

    def gives_clock(self, terminal: str) -> bool:
        """Whether a terminal of this board (given without device name) can provide a reference clock."""
        signal = terminal.casefold()
        if signal == "pxie_clk100":
            return self.device.model.startswith("PXIe-")
        if signal == "pxi_clk10":
            return self.device.model.startswith(("PXIe-", "PXI-"))
        return signal in ("onboardclock", "10mhzrefclock") or self.line(terminal) is not None

    def terminals_of(self, channel: str) -> tuple[TerminalConfiguration, ...]:
        """Terminal configurations that a channel supports."""
        if channel in self.ao_names:
            return (TerminalConfiguration.RSE,)
        if not self.device.single_ended:
            return (TerminalConfiguration.DIFF,)
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
