"""A serial line that loses, changes and delays bytes in front of a device, and the cable pulled out.

It acts on what arrives in one piece, which on loopback is one message: for each, one byte of the request or of its
reply, drawn from the seed.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from labrig.random_streams import RandomStream
from labrig.simulation.fault_schedule import FaultSchedule
from labrig.virtual_instruments.serial_server import SerialDevice, Unplugged


class FaultyLine:
    """Keeps the SerialDevice protocol around a device.

    Parameters
    ----------
    device : SerialDevice
        What is at the other end of the line.
    faults : FaultSchedule
        Of the configuration; those of the instrument `name` are acted on.
    seed : int
        Draws the bytes that are lost or changed.
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
        """The device's own clock runs on whatever becomes of the line. Raises Unplugged while the cable is out."""
        self._device.poll()
        if self._faults.on(self._name, "disconnect"):
            raise Unplugged

    def receive(self, data: bytes) -> bytes:
        self.poll()
        if not data:
            return b""
        self._messages += 1
        draw = self._draws.at(self._messages)
        on_the_way_back = bool(draw.integers(2))
        spoilt = self._spoiler(int(draw.integers(1 << 30)), int(draw.integers(1, 256)))
        if not on_the_way_back:
            data = spoilt(data)
        self._before_message()
        reply = self._device.receive(data)
        if on_the_way_back:
            reply = spoilt(reply)
        late = self._faults.suffer(self._name, "late_bytes")
        if late:
            time.sleep(late.by_s)
        self.poll()
        return b"" if self._faults.on(self._name, "silent") else reply

    def _spoiler(self, place: int, change: int) -> Callable[[bytes], bytes]:
        """What the line makes of the bytes that it is asked about, this time."""
        dropped = self._faults.suffer(self._name, "dropped_bytes")
        changed = self._faults.suffer(self._name, "corrupt_bytes")

        def spoilt(data: bytes) -> bytes:
            if not data:
                return data
            at = place % len(data)
            if dropped:
                return data[:at] + data[at + 1 :]
            return data[:at] + bytes([data[at] ^ change]) + data[at + 1 :] if changed else data

        return spoilt
