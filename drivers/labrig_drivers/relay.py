"""A relay between a network and memristor cells: an LCUS-1 module on a serial port, four bytes for each command."""

from __future__ import annotations

import time
from typing import Any

import serial

from labrig.errors import ConnectionFailed
from labrig.instruments.drivers import Assumption
from labrig_drivers.serial_port import close_port

BAUD = 9600
CLOSE, OPEN = b"\xa0\x01\x01\xa2", b"\xa0\x01\x00\xa1"
SETTLE_S = 10e-3
"""Time until the relay has operated and its contacts no longer bounce (s)."""

RELAY = Assumption(
    "the relay is an LCUS-1 module (A0 01 01 A2 closes it, A0 01 00 A1 opens it); when closed, it connects the network",
    "labrig doctor CONFIG, then an ohmmeter from a cell to its node",
    "the ohmmeter shows an open circuit, because the network is connected only while labrig measures",
)
"""The assumption about the relay, which has not been verified on hardware."""


class Relay:
    """The relay; `name` is the name of the instrument that it belongs to."""

    def __init__(self, name: str, resource: str) -> None:
        self._name, self._resource = name, resource
        self._port: Any = None
        self.closed = False

    def open_port(self) -> None:
        """Open the port, and the relay."""
        try:
            self._port = serial.serial_for_url(self._resource, BAUD, timeout=0.5, write_timeout=0.5)
        except (serial.SerialException, OSError, ValueError) as error:
            raise self._failed(f"cannot open the relay's port {self._resource}: {error}", "open") from error
        self.switch(on=False)

    def switch(self, *, on: bool) -> None:
        """Close (on) or open the relay, and wait until it has operated."""
        if self._port is None:
            raise self._failed("the relay's port is not open", "switch")
        try:
            self._port.write(CLOSE if on else OPEN)
            self._port.flush()
        except (serial.SerialException, OSError) as error:
            raise self._failed(f"the connection to the relay was lost: {error}", "switch") from error
        self.closed = on
        time.sleep(SETTLE_S)

    def close_port(self) -> None:
        """Close the port; never raises."""
        port, self._port = self._port, None
        close_port(port)

    def _failed(self, message: str, action: str) -> ConnectionFailed:
        remedy = "check the relay's cable and `relay:`"
        return ConnectionFailed(message, device=self._name, action=action, remedy=remedy)
