"""A faulty serial line to a device: lost, changed and delayed bytes, or an unplugged cable.

Each received chunk, which on loopback is one message, has at most one byte of the request or of its reply affected,
chosen at random.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from labrig.random_streams import RandomStream
from labrig.simulation.fault_schedule import FaultSchedule
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
        """Poll the device, whose clock runs even if the line is down; raises Unplugged while the cable is out."""
        self._device.poll()
        if self._faults.on(self._name, "disconnect"):
            raise Unplugged

    def receive(self, data: bytes) -> bytes:
        """Pass bytes to the device and return its reply, with the faults that are due."""
        self.poll()
        if not data:
            return b""
        self._messages += 1
        draw = self._draws.at(self._messages)
        in_reply = bool(draw.integers(2))
        corrupted = self._corruption(int(draw.integers(1 << 30)), int(draw.integers(1, 256)))
        if not in_reply:
            data = corrupted(data)
        self._before_message()
        reply = self._device.receive(data)
        if in_reply:
            reply = corrupted(reply)
        late = self._faults.suffer(self._name, "late_bytes")
        if late:
            time.sleep(late.by_s)
        self.poll()
        return b"" if self._faults.on(self._name, "silent") else reply

    def _corruption(self, place: int, change: int) -> Callable[[bytes], bytes]:
        """The corruption of this message, as a function of its bytes."""
        dropped = self._faults.suffer(self._name, "dropped_bytes")
        changed = self._faults.suffer(self._name, "corrupt_bytes")

        def corrupted(data: bytes) -> bytes:
            if not data:
                return data
            at = place % len(data)
            if dropped:
                return data[:at] + data[at + 1 :]
            return data[:at] + bytes([data[at] ^ change]) + data[at + 1 :] if changed else data

        return corrupted
