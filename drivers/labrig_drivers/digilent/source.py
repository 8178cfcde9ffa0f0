"""analog_discovery.source: the outputs of Analog Discovery devices.

DC levels appear when they are armed. Tones are a waveform in the memory of the device; they begin at the trigger, which
the digitizer of the same devices gives, and go on until the next program.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from labrig.errors import ChannelFault, ConnectionFailed, LimitExceeded
from labrig.instruments.data import Identity, SourceAccuracy
from labrig.quantities import format_quantity
from labrig.signals.tones import SILENT, ToneProgram
from labrig_drivers.digilent.devices import Share
from labrig_drivers.digilent.options import (
    OUTPUT_V,
    POINTS,
    TONE_PERIOD,
    DiscoverySourceOptions,
    place,
    source_capabilities,
)

SAME_FREQUENCY = 1e-6
"""Largest relative difference between a frequency and what the device can play."""

WAIT_S = (40e-9, 30e-9)
"""Delay of the outputs of the first device, and of the others, which the trigger reaches 10 ns later (s)."""


class DiscoverySource:
    """A WaveformSource: the outputs of Analog Discovery devices."""

    def __init__(self, name: str, options: DiscoverySourceOptions) -> None:
        self._name, self._options = name, options
        self._able = source_capabilities(options)
        self._share = Share(name, options.devices)
        self._loaded: dict[str, ToneProgram] = {}
        self._armed = False

    def open(self) -> None:
        """Open the devices; their outputs are off. The errors are those of `Share.open`."""
        self._share.open()
        self._loaded, self._armed = {}, False

    def identify(self) -> Identity:
        """Model and serial number of the first device."""
        return self._share.identify()

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        """Prepare the programs (open-circuit V); nothing is sent before `arm`.

        Raises
        ------
        LimitExceeded
            For an unknown channel, a voltage beyond full scale, or a tone that is not a multiple of 1/1024 of the
            sample rate.
        """
        rate_hz = self._share.devices.rate_hz
        for channel, program in programs.items():
            if channel not in self._able.channels:
                raise self._refused(f"has no channel {channel!r}; correct it under `wiring:`")
            if not program.peak <= OUTPUT_V:
                message = f"channel {channel} would have to play {program.peak:.4g} V; lower the drive"
                raise self._refused(message, f"full scale {OUTPUT_V:g} V")
            if rate_hz is not None:
                self._check_tones(channel, program, rate_hz)
        self._loaded, self._armed = dict(programs), False
        return dict(programs)

    def arm(self) -> None:
        """Send the programs, and let the outputs wait for the trigger at their levels."""
        rate_hz = self._share.devices.rate_hz
        tones = any(program.tones for program in self._loaded.values())
        if tones and rate_hz is None:
            raise ConnectionFailed(
                "the sample rate is not known", device=self._name, action="arm", remedy="configure the digitizer first"
            )
        self._share.call("arm", lambda: self._send(rate_hz or 1.0))
        self._armed = True

    def start(self) -> None:
        """Send the programs if `arm` did not; the digitizer of the same devices gives the trigger."""
        if not self._armed:
            self.arm()

    def confirm(self) -> None:
        """Raise ChannelFault unless every output still waits or plays."""
        _ = self._share.devices
        if self._armed:
            self._share.call("confirm", self._confirm)

    def accuracy(self) -> SourceAccuracy:
        """Accuracy of the amplitudes, from the largest error `gain_error`."""
        return SourceAccuracy.within(self._options.gain_error)

    def idle(self) -> None:
        """Set every output to 0 V and leave it on."""
        self._loaded = {}
        self.arm()

    def make_safe(self) -> None:
        """Switch all outputs off. Does nothing before `open`."""
        self._loaded, self._armed = {}, False
        self._share.make_safe(self._off)

    def close(self) -> None:
        """Release the devices. When the last user closes them, their outputs stop. Never raises."""
        self._armed = False
        self._share.close()

    def _check_tones(self, channel: str, program: ToneProgram, rate_hz: float) -> None:
        for tone in program.tones:
            cycles = tone.frequency_hz * TONE_PERIOD / rate_hz
            if abs(cycles - round(cycles)) > SAME_FREQUENCY * cycles or not 1 <= round(cycles) < TONE_PERIOD // 2:
                step = format_quantity(rate_hz / TONE_PERIOD, "frequency")
                raise self._refused(
                    f"channel {channel} cannot play {tone.frequency_hz:.6g} Hz",
                    f"multiples of {step}, 1/{TONE_PERIOD} of the sample rate, below half of it",
                )

    def _send(self, rate_hz: float) -> None:
        devices = self._share.devices
        for channel, program in {channel: self._loaded.get(channel, SILENT) for channel in self._able.channels}.items():
            self._check_tones(channel, program, rate_hz)
            number, index = place(channel)
            out, node = devices.opened[number].analogOut, devices.library.DwfAnalogOutNode.Carrier
            functions = devices.library.DwfAnalogOutFunction
            out.configure(index, 0)
            out.nodeEnableSet(index, node, 1)
            out.idleSet(index, devices.library.DwfAnalogOutIdle.Offset)
            out.nodeOffsetSet(index, node, program.dc)
            if program.tones:
                self._send_waveform(out, index, node, program, rate_hz)
                out.nodeFunctionSet(index, node, functions.Custom)
            else:
                out.nodeFunctionSet(index, node, functions.DC)
            out.triggerSourceSet(index, devices.trigger)
            out.waitSet(index, WAIT_S[min(number, 1)] if len(devices.serials) > 1 else 0.0)
            out.runSet(index, 0.0)  # until it is stopped
            out.repeatSet(index, 1)
            out.configure(index, 1)

    def _send_waveform(self, out: Any, index: int, node: Any, program: ToneProgram, rate_hz: float) -> None:
        turns = np.arange(POINTS) / POINTS
        volts = np.zeros(POINTS)
        for tone in program.tones:
            cycles = round(tone.frequency_hz * TONE_PERIOD / rate_hz)
            volts += tone.amplitude * np.cos(2 * np.pi * ((cycles * turns) % 1.0) + tone.phase_rad)
        peak = float(np.abs(volts).max()) or 1.0
        _, most = out.nodeDataInfo(index, node)
        if most < POINTS:
            raise self._refused(f"allows waveforms of only {most:g} points", f"{POINTS} points are needed")
        wanted = rate_hz / TONE_PERIOD
        out.nodeFrequencySet(index, node, wanted)
        found = out.nodeFrequencyGet(index, node)
        if abs(found / wanted - 1) > SAME_FREQUENCY:
            raise self._refused(f"repeats waveforms at {found:.9g} Hz, not {wanted:.9g} Hz; use another sample rate")
        out.nodeAmplitudeSet(index, node, peak)
        out.nodeDataSet(index, node, volts / peak)

    def _confirm(self) -> None:
        devices = self._share.devices
        states = devices.library.DwfState
        waiting_or_playing = (states.Armed, states.Wait, states.Running, states.Config, states.Prefill)
        for channel in self._able.channels:
            number, index = place(channel)
            state = devices.opened[number].analogOut.status(index)
            if state not in waiting_or_playing:
                raise ChannelFault(
                    f"channel {channel} has stopped ({state.name})",
                    device=self._name,
                    action="confirm",
                    remedy="check the USB cable and the power",
                )

    def _off(self) -> None:
        devices = self._share.devices
        for device in devices.opened:
            out, node = device.analogOut, devices.library.DwfAnalogOutNode.Carrier
            for index in (0, 1):
                out.idleSet(index, devices.library.DwfAnalogOutIdle.Disable)
                out.nodeEnableSet(index, node, 0)
                out.configure(index, 0)

    def _refused(self, message: str, limit: str | None = None) -> LimitExceeded:
        return LimitExceeded(message, device=self._name, action="load", limit=limit)
