"""A faulty serial line to a device: lost, changed and delayed bytes, or an unplugged cable.

In each received chunk, which on loopback is one message, each fault affects at most one byte of the request or of its
reply, chosen at random.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from labrig.random_streams import RandomStream
from labrig.simulation.faults import ConnectionFault, DelayFault, FaultSchedule, LineFault, SilenceFault
from labrig.virtual_instruments.serial_server import SerialDevice, Unplugged


class FaultyLine:
    """A SerialDevice that wraps another one.

    Parameters
    ----------
    device : SerialDevice
        The device at the end of the line.
    faults : FaultSchedule
        The configured faults; those of the instrument `name` are injected.
    name : str
        Name of the instrument.
    seed : int
        Seed for choosing the affected bytes.
    before_message : callable
        Called before the device gets a message, for faults of the device itself.
    """

    def __init__(
        self,
        device: SerialDevice,
        faults: FaultSchedule,
        name: str,
        seed: int,
        before_message: Callable[[], None] = lambda: None,
    ) -> None:
        self._device = device
        self._before_message = before_message
        self._faults = faults
        self._name = name
        self._draws = RandomStream(seed, f"line of {name}")
        self._messages = 0

    def poll(self) -> None:
        """Poll the device, even if the line is faulty. Raises Unplugged while the cable is unplugged."""
        self._device.poll()
        if self._faults.active(self._name, ConnectionFault):
            raise Unplugged

    def receive(self, data: bytes) -> bytes:
        """Pass bytes to the device and return its reply, with the faults that are due."""
        self.poll()
        if not data:
            return b""
        self._messages += 1
        on_the_way_back = bool(self._draws.at(self._messages).integers(2))
        faults = self._faults.on_message(self._name, LineFault)
        if not on_the_way_back:
            data = self._transmitted(data, faults)
        self._before_message()
        reply = self._device.receive(data)
        if on_the_way_back:
            reply = self._transmitted(reply, faults)
        for late in self._faults.on_message(self._name, DelayFault):
            time.sleep(late.delay_s)
        self.poll()
        return b"" if self._faults.active(self._name, SilenceFault) else reply

    def _transmitted(self, data: bytes, faults: Sequence[LineFault]) -> bytes:
        """Return the bytes of this message that arrive."""
        for fault in faults:
            generator = self._draws.at(self._messages)
            generator.integers(2)  # which way
            data = fault.transmitted(data, generator) if data else data
        return data
