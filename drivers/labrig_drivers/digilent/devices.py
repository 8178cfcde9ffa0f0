"""The devices of a configuration, shared by the source and the digitizer, through pydwf.

labrig treats the two as separate instruments and may call them from several threads. A worker thread makes all calls to
the library, one after another, each with a deadline.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

from labrig.errors import ConfigError, ConnectionFailed, IdentityMismatch, LabrigError
from labrig.instruments.data import Identity
from labrig_drivers.bounded_worker import BoundedWorker
from labrig_drivers.digilent.options import MODEL

OPEN_S = 20.0
"""Deadline for opening all devices, which loads their logic (s)."""
CALL_S = 5.0
"""Deadline for every other call (s)."""
CLOSE_S = 10.0
"""Deadline for closing all devices (s)."""
SAFE_S = 2.0
"""Deadline of each of the two attempts to switch the outputs off (s)."""

REFERENCE_HZ, SYSTEM_HZ = 10_000_000, 100_000_000
DISCOVERY_3 = 10
TRIGGER_2 = 1
CLOCK_OUTPUT, CLOCK_INPUT = 1, 2
STOP_ON_CLOSE = 1


class Devices:
    """Devices that are in use.

    Attributes
    ----------
    rate_hz : float or None
        Sample rate, once the digitizer was configured.
    """

    def __init__(self, serials: tuple[str, ...]) -> None:
        self.serials = serials
        self.users: set[object] = set()
        self.rate_hz: float | None = None
        self.library: Any = None
        self.opened: list[Any] = []
        self.identity = Identity("")
        self._worker = BoundedWorker(
            f"Analog Discovery {serials[0]}",
            "the device did not answer",
            "unplug the device and plug it in again",
            "check the USB cable, and whether WaveForms or another program uses the device",
        )

    def call(self, name: str, action: str, call: Callable[[], Any], within_s: float = CALL_S) -> Any:
        """Make a call in the worker thread; its errors carry the name of the instrument."""
        return self._worker.call(name, action, call, within_s)

    def make_safe(self, name: str, call: Callable[[], Any]) -> None:
        """Make a call that switches something off, even if another call hangs."""
        self._worker.insist(name, "make safe", call, SAFE_S)

    @property
    def trigger(self) -> Any:
        """The trigger source: the computer for a single device, else the pin Trigger 2, driven by the first device."""
        sources = self.library.DwfTriggerSource
        return sources.PC if len(self.serials) == 1 else sources.External2

    def open(self, name: str) -> None:
        """Open the devices and connect their clocks. Raises ConnectionFailed or IdentityMismatch."""
        if not self.opened:
            self.call(name, "open", lambda: self._open(name), OPEN_S)

    def start(self) -> None:
        """Start everything that is armed on all devices, by triggering the first."""
        self.opened[0].triggerPC()

    def release(self) -> None:
        """Close the devices; never raises."""
        with suppress(LabrigError):  # a device that has disappeared
            self.call("", "close", self._close, CLOSE_S)  # after an interrupted open, if there is one
        self._worker.release()

    def _close(self) -> None:
        opened, self.opened = self.opened, []
        for device in opened:
            device.close()

    def _open(self, name: str) -> None:
        library = self.library
        dwf = library.DwfLibrary()
        parameters = library.DwfDeviceParameter
        dwf.paramSet(parameters.OnClose, STOP_ON_CLOSE)
        if len(self.serials) > 1:
            dwf.paramSet(parameters.ExtFreq, REFERENCE_HZ)
            dwf.paramSet(parameters.Frequency, SYSTEM_HZ)
        found = {dwf.deviceEnum.serialNumber(k).upper(): k for k in range(dwf.deviceEnum.enumerateDevices())}
        for serial in self.serials:
            if serial not in found:
                there = ", ".join(found) or "none"
                raise ConnectionFailed(
                    f"no device {serial} is connected (found: {there})",
                    device=name,
                    action="open",
                    remedy="check the USB cable and `devices:`",
                )
            kind, _ = dwf.deviceEnum.deviceType(found[serial])
            if kind != DISCOVERY_3:
                model = dwf.deviceEnum.deviceName(found[serial])
                raise IdentityMismatch(
                    f"the device {serial} reports the model {model!r}, which is not an {MODEL}",
                    device=name,
                    action="open",
                    remedy="use Analog Discovery 3 devices; other models are not documented to share a clock",
                )
        opened: list[Any] = []
        try:
            for serial in self.serials:
                device = dwf.deviceControl.open(found[serial])
                opened.append(device)
                device.autoConfigureSet(0)  # settings are sent by configure() only
                if len(self.serials) > 1:
                    first = len(opened) == 1
                    if first:
                        device.triggerSet(TRIGGER_2, library.DwfTriggerSource.PC)
                    device.paramSet(parameters.ClockMode, CLOCK_OUTPUT if first else CLOCK_INPUT)
        except BaseException:
            for device in opened:
                device.close()
            raise
        self.opened = opened
        self.identity = Identity(MODEL, next(iter(self.serials)), f"WaveForms {dwf.getVersion()}")


_devices: dict[str, Devices] = {}
_devices_lock = threading.Lock()


class Share:
    """The inputs or the outputs of the devices.

    Parameters
    ----------
    name : str
        Name of the instrument.
    serials : sequence of str
        Serial numbers of the devices.
    """

    def __init__(self, name: str, serials: list[str]) -> None:
        self.name = name
        self._serials = tuple(serial.upper() for serial in serials)
        self._joined: Devices | None = None

    @property
    def devices(self) -> Devices:
        """The devices. Raises ConnectionFailed before `open`."""
        if self._joined is None or not self._joined.opened:
            raise ConnectionFailed("is not open", device=self.name, action="use", remedy="call open() first")
        return self._joined

    def open(self) -> None:
        """Open the devices, unless the other instrument has done so.

        Raises
        ------
        ConnectionFailed, DeadlineExceeded
            If pydwf or its library is missing, or a device is absent or does not answer.
        IdentityMismatch
            If a device is of another model.
        ConfigError
            If source and digitizer list the same first device, but different devices after it.
        """
        try:
            library = import_module("pydwf")
        except ImportError as error:
            raise ConnectionFailed(
                f"pydwf cannot be imported: {error}",
                device=self.name,
                action="open",
                remedy="pip install 'labrig[digilent]', and install Digilent's WaveForms",
            ) from error
        with _devices_lock:
            devices = self._joined = _devices.setdefault(self._serials[0], Devices(self._serials))
            devices.users.add(self)
            devices.library = library
        try:
            if devices.serials != self._serials:
                raise ConfigError(
                    "`devices` differs between the source and the digitizer",
                    device=self.name,
                    action="open",
                    remedy="write the same list for source and digitizer",
                )
            devices.open(self.name)
        except BaseException:
            self.close()
            raise

    def identify(self) -> Identity:
        """Model and serial number of the first device, and the version of its library."""
        return self.devices.identity

    def make_safe(self, call: Callable[[], Any]) -> None:
        """Make a call that switches something off; do nothing before `open`."""
        if self._joined is not None and self._joined.opened:
            self._joined.make_safe(self.name, call)

    def call(self, action: str, call: Callable[[], Any]) -> Any:
        """Make a call in the worker thread."""
        return self.devices.call(self.name, action, call)

    def close(self) -> None:
        """Release the devices; the last user closes them. Never raises."""
        with _devices_lock:
            devices, self._joined = self._joined, None
            if devices is None:
                return
            devices.users.discard(self)
            last = not devices.users
            if last:
                _devices.pop(self._serials[0], None)
        if last:
            devices.release()
