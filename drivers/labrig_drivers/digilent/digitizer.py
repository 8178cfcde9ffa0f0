"""analog_discovery.digitizer: the inputs of Analog Discovery devices.

An acquisition is a recording that begins at the trigger. `start` gives this trigger, which also starts all outputs of
all devices. Samples are taken between the steps of the outputs.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ConfigError, ConnectionFailed, DeadlineExceeded, SyncLost
from labrig.instruments.data import AcquisitionPlan, Block, Identity
from labrig_drivers.digilent.devices import Share
from labrig_drivers.digilent.options import (
    BITS,
    CHANNELS,
    POINTS,
    RANGES_V,
    TONE_PERIOD,
    DiscoveryDigitizerOptions,
    digitizer_capabilities,
    place,
)
from labrig_drivers.tolerances import standard_uncertainty

LOOK_S = 2e-3
"""Polling interval of a recording (s)."""

RAW_BITS = 16
"""Bits of a sample from the library; the lowest ones, beyond the resolution of the converter, are zero."""

SAME_RATE = 1e-9
"""Largest relative difference between the requested sample rate and that of the device."""

OTHERS_LATER_S = 10e-9
"""Delay of the trigger at the other devices relative to the first (s)."""


class DiscoveryDigitizer:
    """A Digitizer: the inputs of Analog Discovery devices."""

    def __init__(self, name: str, options: DiscoveryDigitizerOptions) -> None:
        self._name, self._options = name, options
        self._able = digitizer_capabilities(options)
        self._share = Share(name, options.devices)
        self._plan: AcquisitionPlan | None = None
        self._scale = np.zeros((0, 4))
        self._armed = self._started = False
        self._pieces: dict[str, list[NDArray[np.int16]]] = {}

    def open(self) -> None:
        """Open the devices. The errors are those of `Share.open`."""
        self._share.open()
        self._plan, self._armed = None, False

    def identify(self) -> Identity:
        """Model and serial number of the first device."""
        return self._share.identify()

    def configure(self, plan: AcquisitionPlan) -> AcquisitionPlan:
        """Set sample rate, range and trigger of all devices.

        Returns
        -------
        AcquisitionPlan
            The plan with the nominal range, without skew, and with the uncertainties from the options.

        Raises
        ------
        ConfigError
            For an unknown channel, or a sample rate that the device does not support.
        """
        devices = self._share.devices
        for channel in plan.channels:
            if channel not in self._able.channels:
                raise ConfigError(
                    f"has no channel {channel!r}",
                    device=self._name,
                    action="configure",
                    remedy="correct it under `wiring:`",
                )
        if not plan.sample_rate_hz <= self._able.max_sample_rate_hz:
            limit = f"{self._able.max_sample_rate_hz:g} S/s"
            message = f"cannot record {plan.sample_rate_hz:g} S/s; lower acquisition.sample_rate"
            raise ConfigError(message, device=self._name, action="configure", limit=limit)
        self._armed, self._plan = False, None
        self._share.call("configure", lambda: self._configure(plan))
        devices.rate_hz = plan.sample_rate_hz
        count = len(plan.channels)
        self._plan = replace(
            plan,
            ranges_v=(self._able.full_scale_v,) * count,
            skew_s=(0.0,) * count,
            u_offset_v=standard_uncertainty(self._options.zero_error),
            u_gain=standard_uncertainty(self._options.gain_error),
        )
        return self._plan

    def arm(self) -> None:
        """Let all devices wait for the trigger; a recording in progress is stopped."""
        plan = self._configured("arm")
        self._share.call("arm", lambda: [each.analogIn.configure(True, True) for each in self._share.devices.opened])
        self._pieces = {channel: [] for channel in plan.channels}
        self._armed, self._started = True, False

    def start(self) -> None:
        """Give the trigger, which also starts the outputs of the devices."""
        self._configured("start")
        if not self._armed:
            raise self._failed("is not armed", "start", "call arm() first")
        if not self._started:
            self._share.call("start", self._share.devices.start)
            self._started = True

    def read(self, timeout_s: float) -> Block:
        """Wait for all scans of the acquisition.

        Parameters
        ----------
        timeout_s
            Longest time to wait (s).

        Raises
        ------
        DeadlineExceeded
            If the scans do not arrive in time.
        SyncLost
            If samples were lost because they were read too late. The acquisition is then over.
        """
        plan = self._configured("read")
        if not self._armed:
            raise self._failed("is not armed", "read", "call arm() first")
        ends = time.monotonic() + timeout_s
        while (recorded := self._recorded()) < plan.total_samples:
            if time.monotonic() >= ends:
                raise DeadlineExceeded(
                    f"recorded {recorded} of {plan.total_samples} scans",
                    device=self._name,
                    action="read",
                    limit=f"{timeout_s:g} s",
                    remedy="check the USB cable and, with several devices, the wires between Trigger 1 and Trigger 2",
                )
            time.sleep(LOOK_S)
            if lost := self._share.call("read", self._fetch):
                self._armed = False
                raise SyncLost(
                    f"{lost} samples were lost, because they were read too late",
                    device=self._name,
                    action="read",
                    remedy="lower acquisition.sample_rate; the computer may be too busy",
                )
        self._armed = False
        columns = [np.concatenate(self._pieces[channel])[: plan.total_samples] for channel in plan.channels]
        codes = np.stack(columns, axis=1) >> (RAW_BITS - BITS)
        highest = (1 << (BITS - 1)) - 1
        overrange = (codes.max(axis=0) >= highest) | (codes.min(axis=0) < -highest)
        return Block(codes, self._scale, 0, overrange)

    def make_safe(self) -> None:
        """Stop the recording; an input drives nothing. Does nothing before `open`."""
        self._armed = False
        self._share.make_safe(self._stop)

    def close(self) -> None:
        """Release the devices; never raises."""
        self._plan, self._armed = None, False
        self._share.close()

    def _configure(self, plan: AcquisitionPlan) -> None:
        devices = self._share.devices
        for number, device in enumerate(devices.opened):
            inputs = device.analogIn
            inputs.configure(False, False)
            inputs.acquisitionModeSet(devices.library.DwfAcquisitionMode.Record)
            inputs.frequencySet(plan.sample_rate_hz)
            found = inputs.frequencyGet()
            if abs(found / plan.sample_rate_hz - 1) > SAME_RATE:
                raise ConfigError(
                    f"records {found:.10g} S/s instead of {plan.sample_rate_hz:g} S/s",
                    device=self._name,
                    action="configure",
                    remedy="choose a sample rate that divides 100 MHz",
                )
            inputs.recordLengthSet(plan.total_samples / plan.sample_rate_hz)
            for index in range(CHANNELS):
                inputs.channelEnableSet(index, True)
                inputs.channelFilterSet(index, devices.library.DwfAnalogInFilter.Decimate)
                inputs.channelRangeSet(index, 2 * self._able.full_scale_v)
                inputs.channelOffsetSet(index, 0.0)
            inputs.triggerSourceSet(devices.trigger)
            half_step_s = 0.5 * TONE_PERIOD / POINTS / plan.sample_rate_hz
            inputs.triggerPositionSet(half_step_s - (OTHERS_LATER_S if number else 0.0))
            inputs.configure(True, False)
        self._scale = np.array([self._volts_of_codes(channel) for channel in plan.channels])

    def _volts_of_codes(self, channel: str) -> tuple[float, float, float, float]:
        number, index = place(channel)
        inputs = self._share.devices.opened[number].analogIn
        range_v = inputs.channelRangeGet(index)
        if range_v < 2 * RANGES_V[self._options.range] * 0.999:
            raise ConfigError(
                f"channel {channel} has a range of {range_v:.4g} V peak to peak",
                device=self._name,
                action="configure",
                limit=f"{self._options.range} requested",
                remedy="calibrate the device with WaveForms",
            )
        return inputs.channelOffsetGet(index), range_v / 2**BITS, 0.0, 0.0

    def _recorded(self) -> int:
        """Number of scans of which all channels have been read."""
        return min(sum(map(len, pieces)) for pieces in self._pieces.values())

    def _fetch(self) -> int:
        """Read what has been recorded; return the number of samples that were lost."""
        missing = 0
        for number, device in enumerate(self._share.devices.opened):
            device.analogIn.status(True)
            available, lost, corrupt = device.analogIn.statusRecord()
            missing += lost + corrupt
            for channel, pieces in self._pieces.items():
                if available and place(channel)[0] == number:
                    pieces.append(device.analogIn.statusData16(place(channel)[1], 0, available))
        return missing

    def _stop(self) -> None:
        for device in self._share.devices.opened:
            device.analogIn.configure(False, False)

    def _configured(self, action: str) -> AcquisitionPlan:
        _ = self._share.devices
        if self._plan is None:
            raise self._failed("is not configured", action, "call configure() first")
        return self._plan

    def _failed(self, message: str, action: str, remedy: str) -> ConnectionFailed:
        return ConnectionFailed(message, device=self._name, action=action, remedy=remedy)
