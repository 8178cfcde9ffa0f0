"""A stand-in for pydwf: Analog Discovery devices that play waveforms from their memory and record what a network does.

Names and order of the parameters are those of pydwf 1.1; `test_digilent.py` compares them with the real library. An
output holds each point of its waveform; inputs are sampled at their own times, through ranges as calibrated devices
have them. Only what `configure` has sent counts, as after `autoConfigureSet(0)`.
"""

from __future__ import annotations

import enum
import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Network = Callable[[Array], Array]
"""Takes the open-circuit voltages (n, outputs) of n samples, and returns those at the inputs (n, inputs)."""

SERIALS = ("210415A00001", "210415A00002")
OUTPUT_DELAY_S = 280e-9
NOISE_V = 100e-6
RANGE_V = {5.0: 5.48, 50.0: 52.1}  # calibrated ranges are larger than nominal ones
CALLS = {
    "DwfLibrary": {"paramSet": ("device_parameter", "value"), "getVersion": ()},
    "DeviceEnumeration": {
        "enumerateDevices": ("enum_filter",),
        "serialNumber": ("device_index",),
        "deviceName": ("device_index",),
        "deviceType": ("device_index",),
    },
    "DeviceControl": {"open": ("device_index", "config_index")},
    "DwfDevice": {
        "autoConfigureSet": ("auto_configure",),
        "triggerSet": ("pin_index", "trigger_source"),
        "triggerPC": (),
        "paramSet": ("parameter", "value"),
        "close": (),
    },
    "AnalogOut": {
        "configure": ("channel_index", "start"),
        "status": ("channel_index",),
        "waitSet": ("channel_index", "wait_duration"),
        "runSet": ("channel_index", "run_duration"),
        "repeatSet": ("channel_index", "repeat"),
        "triggerSourceSet": ("channel_index", "trigger_source"),
        "idleSet": ("channel_index", "idle"),
        "nodeEnableSet": ("channel_index", "node", "mode"),
        "nodeFunctionSet": ("channel_index", "node", "func"),
        "nodeFrequencySet": ("channel_index", "node", "frequency"),
        "nodeFrequencyGet": ("channel_index", "node"),
        "nodeAmplitudeSet": ("channel_index", "node", "amplitude"),
        "nodeOffsetSet": ("channel_index", "node", "offset"),
        "nodeDataInfo": ("channel_index", "node"),
        "nodeDataSet": ("channel_index", "node", "data"),
    },
    "AnalogIn": {
        "configure": ("reconfigure", "start"),
        "status": ("read_data_flag",),
        "statusRecord": (),
        "statusData16": ("channel_index", "offset", "count"),
        "recordLengthSet": ("record_duration",),
        "frequencySet": ("sample_frequency",),
        "frequencyGet": (),
        "acquisitionModeSet": ("acquisition_mode",),
        "channelEnableSet": ("channel_index", "channel_enable"),
        "channelFilterSet": ("channel_index", "channel_filter"),
        "channelRangeSet": ("channel_index", "channel_range"),
        "channelRangeGet": ("channel_index",),
        "channelOffsetSet": ("channel_index", "channel_offset"),
        "channelOffsetGet": ("channel_index",),
        "triggerSourceSet": ("trigger_source",),
        "triggerPositionSet": ("trigger_position",),
    },
}
"""The calls that the driver makes, by the class of pydwf, with their parameters."""

ENUMS = {
    "DwfDeviceParameter": {"OnClose": 4, "Frequency": 8, "ExtFreq": 9, "ClockMode": 10},
    "DwfTriggerSource": {"None_": 0, "PC": 1, "External1": 11, "External2": 12},
    "DwfState": {"Ready": 0, "Armed": 1, "Done": 2, "Running": 3, "Config": 4, "Prefill": 5, "Wait": 7},
    "DwfAcquisitionMode": {"Single": 0, "Record": 3},
    "DwfAnalogInFilter": {"Decimate": 0, "Average": 1},
    "DwfAnalogOutNode": {"Carrier": 0},
    "DwfAnalogOutFunction": {"DC": 0, "Sine": 1, "Custom": 30},
    "DwfAnalogOutIdle": {"Disable": 0, "Offset": 1, "Initial": 2},
}
"""The members of the enumerations of pydwf that the driver or this stand-in uses."""


class DwfLibraryError(Exception):
    """What pydwf raises."""


class Settings(dict):
    """Settings that `…Set` calls write, by their names, and that `configure` sends."""

    def __getattr__(self, name: str) -> Any:
        if not name.endswith("Set"):
            raise AttributeError(name)
        return lambda *arguments: self.__setitem__((name, *arguments[:-1]), arguments[-1])


class Devices:
    """Devices whose pins are connected, and the library that reaches them.

    Parameters
    ----------
    monkeypatch
        Replaces the module `pydwf`.
    network
        What is between the outputs and the inputs of all devices.
    serials
        Serial numbers.
    speed
        How much faster than real ones they are.
    """

    def __init__(
        self, monkeypatch: Any, network: Network, serials: tuple[str, ...] = SERIALS, speed: float = 2.0
    ) -> None:
        self.network, self.serials, self.speed = network, serials, speed
        self.models = ["Analog Discovery 3"] * len(serials)
        self.wired = True
        self.most_points = 16384
        self.next_lost = 0
        self.hangs = threading.Event()
        self.error: Exception | None = None
        self.devices = [Device(self, number) for number in range(len(serials))]
        self.parameters: dict[str, int] = {}
        library: Any = ModuleType("pydwf")
        for name, members in ENUMS.items():
            setattr(library, name, enum.Enum(name, members))
        library.DwfLibrary = lambda: DwfLibrary(self)
        library.DwfLibraryError = DwfLibraryError
        self.library = library
        monkeypatch.setitem(sys.modules, "pydwf", library)

    def touched(self) -> None:
        """Every call passes here."""
        if self.hangs.is_set():
            threading.Event().wait(60)
        if self.error is not None:
            raise self.error

    def trigger(self, device: Device, t: float) -> None:
        """A trigger by the computer reaches the device, and by its pin Trigger 2 all that are connected to it."""
        sources = self.library.DwfTriggerSource
        device.trigger(sources.PC, t)
        if device.pins.get(1) == sources.PC:
            for each in self.devices if self.wired else [device]:
                each.trigger(sources.External2, t)

    def volts(self, t: Array) -> Array:
        """Open-circuit voltages (n, outputs) of all devices at the times t (s)."""
        return np.stack([out for device in self.devices for out in device.analogOut.volts(t)], axis=1)


class DwfLibrary:
    """The library; its attributes are those of pydwf."""

    def __init__(self, bench: Devices) -> None:
        bench.touched()
        self._bench = bench
        self.deviceEnum = self.deviceControl = self

    def paramSet(self, device_parameter, value) -> None:
        self._bench.parameters[device_parameter.name] = value

    def getVersion(self) -> str:
        return "3.24.4"

    def enumerateDevices(self, enum_filter=None) -> int:
        return len(self._bench.serials)

    def serialNumber(self, device_index) -> str:
        return self._bench.serials[device_index]

    def deviceName(self, device_index) -> str:
        return self._bench.models[device_index]

    def deviceType(self, device_index) -> tuple[int, int]:
        return {"Analog Discovery 2": 3, "Analog Discovery 3": 10}[self.deviceName(device_index)], 1

    def open(self, device_index, config_index=None) -> Device:
        device = self._bench.devices[device_index]
        if device.is_open:
            raise DwfLibraryError("The device is being used by another application")
        device.is_open = True
        return device


class Device:
    """One device."""

    def __init__(self, bench: Devices, number: int) -> None:
        self.bench, self.number = bench, number
        self.is_open = False
        self.parameters: dict[str, int] = {}
        self.pins: dict[int, Any] = {}
        self.analogOut = AnalogOut(bench)
        self.analogIn = AnalogIn(bench, number)

    def autoConfigureSet(self, auto_configure) -> None:
        assert auto_configure == 0

    def triggerSet(self, pin_index, trigger_source) -> None:
        self.pins[pin_index] = trigger_source

    def paramSet(self, parameter, value) -> None:
        self.parameters[parameter.name] = value

    def triggerPC(self) -> None:
        self.bench.touched()
        self.bench.trigger(self, time.monotonic())

    def trigger(self, source: Any, t: float) -> None:
        self.analogOut.trigger(source, t)
        self.analogIn.trigger(source, t)

    def close(self) -> None:
        self.is_open = False
        self.pins.clear()
        for index in (0, 1):
            self.analogOut.configure(index, 0)
            self.analogOut.sent[index] = {}


class AnalogOut(Settings):
    """The two outputs of a device."""

    def __init__(self, bench: Devices) -> None:
        self._bench = bench
        self.sent: list[dict] = [{}, {}]
        self._armed = [False, False]
        self._since: list[float | None] = [None, None]

    def configure(self, channel_index, start) -> None:
        self._bench.touched()
        self.sent[channel_index] = {key[0]: value for key, value in self.items() if key[1] == channel_index}
        self._armed[channel_index], self._since[channel_index] = bool(start), None

    def status(self, channel_index) -> Any:
        self._bench.touched()
        states = self._bench.library.DwfState
        if self._since[channel_index] is not None:
            return states.Running
        return states.Armed if self._armed[channel_index] else states.Ready

    def nodeFrequencyGet(self, channel_index, node) -> float:
        return self["nodeFrequencySet", channel_index, node]

    def nodeDataInfo(self, channel_index, node) -> tuple[float, float]:
        return 2.0, float(self._bench.most_points)

    def trigger(self, source: Any, t: float) -> None:
        for index in (0, 1):
            if self._armed[index] and self.sent[index]["triggerSourceSet"] == source:
                self._armed[index], self._since[index] = False, t + OUTPUT_DELAY_S + self.sent[index]["waitSet"]

    def volts(self, t: Array) -> list[Array]:
        return [self._channel(index, t) for index in (0, 1)]

    def _channel(self, index: int, t: Array) -> Array:
        sent, functions = self.sent[index], self._bench.library.DwfAnalogOutFunction
        if not sent.get("nodeEnableSet"):
            return np.zeros_like(t)
        since, idle = self._since[index], self._bench.library.DwfAnalogOutIdle
        if since is None and sent["idleSet"] != idle.Offset:
            return np.zeros_like(t)
        volts = np.full_like(t, sent["nodeOffsetSet"])
        if since is not None and sent["nodeFunctionSet"] == functions.Custom:
            data = sent["nodeDataSet"]
            point = np.floor((t - since) * sent["nodeFrequencySet"] * len(data)).astype(np.int64) % len(data)
            volts += np.where(t >= since, sent["nodeAmplitudeSet"] * data[point], 0.0)
        return np.rint(volts * 2**13 / 5.0) * 5.0 / 2**13


class AnalogIn(Settings):
    """The two inputs of a device."""

    def __init__(self, bench: Devices, number: int) -> None:
        self._bench, self._number = bench, number
        self._armed, self._since = False, None
        self._taken = self._available = 0
        self._random = np.random.default_rng(number)

    def configure(self, reconfigure, start) -> None:
        self._bench.touched()
        self._armed, self._since = start, None
        self._taken = self._available = 0

    def trigger(self, source: Any, t: float) -> None:
        if self._armed and self["triggerSourceSet",] == source:
            self._armed, self._since = False, t

    def status(self, read_data_flag) -> Any:
        self._bench.touched()
        self._taken += self._available
        self._available = 0
        if self._since is not None:
            passed_s = (time.monotonic() - self._since) * self._bench.speed
            whole = round(self["recordLengthSet",] * self["frequencySet",])
            self._available = min(whole, int(passed_s * self["frequencySet",])) - self._taken
            self._record()
        return self._bench.library.DwfState.Running

    def _record(self) -> None:
        n = self._taken + np.arange(self._available)
        t = self._since + self["triggerPositionSet",] + n / self["frequencySet",]
        read = self._bench.network(self._bench.volts(t)) if len(n) else np.zeros((0, 2 * len(self._bench.devices)))
        read = read + self._random.normal(0.0, NOISE_V, read.shape)
        codes = []
        for index in (0, 1):
            volts = read[:, 2 * self._number + index] - self.channelOffsetGet(index)
            codes.append(np.rint(volts / self.channelRangeGet(index) * 2**14).clip(-(2**13), 2**13 - 1))
        self._codes = np.stack(codes, axis=1).astype(np.int16) << 2

    def statusRecord(self) -> tuple[int, int, int]:
        lost, self._bench.next_lost = self._bench.next_lost, 0
        return self._available, lost, 0

    def statusData16(self, channel_index, offset, count) -> NDArray[np.int16]:
        return self._codes[offset : offset + count, channel_index].copy()

    def frequencyGet(self) -> float:
        return 100e6 / round(100e6 / self["frequencySet",])

    def channelRangeGet(self, channel_index) -> float:
        return RANGE_V[self["channelRangeSet", channel_index]]

    def channelOffsetGet(self, channel_index) -> float:
        return self["channelOffsetSet", channel_index] + 1e-3 * (channel_index + 1)
