"""The serial line to an ArC ONE: commands, replies, and recovery after a lost reply.

Without frames, a command that was cut off takes the next command for its missing numbers. So each command is sent by a
single `write`. After a lost reply, and whenever the port is opened, only zeros are sent, one at a time, until the board
answers. The zeros complete a command that was cut off (a pulse gets zero width, because a width is written as 0.…), and
eight further zeros initialize the board, which acknowledges this. The board then waits for a command, and is reset.
"""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Callable
from typing import Any

import serial

from labrig.errors import ConnectionFailed, DeadlineExceeded
from labrig_drivers.serial_port import close_port

BAUD = 921_600
REPLY_S = 0.5
READ_MODE = 2  # four-point transimpedance amplifier, which libarc1 uses by default
CYCLES = 50
SNEAK_PATH_THIRD = 1
ZERO = b"0\n"
INITIALIZED = b"1\n"
ZEROS = 64
"""Number of zeros that a working board must answer: a command takes up to 7, the initialization 8."""
PROBE_S, POLL_S = 20e-3, 1e-3
"""Longest wait for the answer to a zero, and interval of checks (s)."""


class ArcLink:
    """The line to one board.

    Parameters
    ----------
    name, resource : str
        Name of the instrument, and its serial port.
    words, bits : int
        Numbers of word lines and bit lines in use.
    read_v : float
        Voltage of a reading (V).
    reset_s : float
        Time the board takes to start after a reset (s).

    Attributes
    ----------
    recoveries : int
        Number of resets of the board because a reply was lost.
    """

    def __init__(self, name: str, resource: str, words: int, bits: int, read_v: float, reset_s: float) -> None:
        self._name, self._resource = name, resource
        self._words, self._bits, self._read_v = words, bits, read_v
        self._reset_s = reset_s
        self._port: Any = None
        self._ready = False  # whether the board is initialized and waits for a command
        self.recoveries = 0
        self.firmware = ""

    def open(self) -> None:
        """Open the port, reset and initialize the board. Raises ConnectionFailed or DeadlineExceeded."""
        try:
            self._port = serial.serial_for_url(
                self._resource, BAUD, parity=serial.PARITY_EVEN, timeout=REPLY_S, write_timeout=REPLY_S
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise ConnectionFailed(
                f"cannot open {self._resource}: {error}",
                device=self._name,
                action="open",
                remedy="check the cable, the board's power and `resource:`",
            ) from error
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the port; never raises."""
        port, self._port = self._port, None
        close_port(port)

    def ohm(self, command: str, *numbers: float | int) -> float | None:
        """Send a command that is answered by a resistance (Ω); None if the reply was lost and the board was reset.

        The command is never sent again, because the board may have executed it.
        """
        if not self._ready:
            self._start()
        self._guarded(lambda port: port.reset_input_buffer())
        self._send(command, *numbers)
        reply = self._receive(4)
        ohm = struct.unpack("<f", reply)[0] if len(reply) == 4 else math.nan
        if math.isfinite(ohm) and ohm > 0:
            return ohm
        self.recoveries += 1
        self._start()
        return None

    def _start(self) -> None:
        """Initialize the board from any state."""
        self._ready = False
        self._synchronize()
        self._write(b"00\n")
        time.sleep(self._reset_s)
        self._synchronize()
        lines = (CYCLES, self._words, self._bits, READ_MODE, 0, SNEAK_PATH_THIRD, float(self._read_v))
        self._send("0", *lines)
        if self._receive(2) != INITIALIZED:
            raise self._silent("initialize")
        self._send("01", READ_MODE, float(self._read_v))
        self._send("999")
        version = self._receive(4)
        if len(version) != 4:
            raise self._silent("ask for the version")
        self.firmware = "{}.{}".format(*struct.unpack("<2H", version))
        self._ready = True

    def _synchronize(self) -> None:
        """Send zeros until the board reports that it is initialized. Raises DeadlineExceeded if it never does."""
        self._guarded(lambda port: port.reset_input_buffer())
        received = b""
        for _ in range(ZEROS):
            self._write(ZERO)
            ends = time.monotonic() + PROBE_S
            while not received.endswith(INITIALIZED):
                if waiting := self._guarded(lambda port: port.in_waiting):
                    received += self._receive(waiting)
                elif time.monotonic() >= ends:
                    break
                else:
                    time.sleep(POLL_S)
            if received.endswith(INITIALIZED):
                return
        raise self._silent("synchronize")

    def _send(self, command: str, *numbers: float | int) -> None:
        """Send one command in a single write."""
        text = [command, *(f"{each:.9f}" if isinstance(each, float) else str(each) for each in numbers)]
        self._write("".join(f"{each}\n" for each in text).encode())

    def _write(self, data: bytes) -> None:
        self._guarded(lambda port: port.write(data))

    def _receive(self, count: int) -> bytes:
        return self._guarded(lambda port: port.read(count))

    def _guarded(self, call: Callable[[Any], Any]) -> Any:
        if self._port is None:
            raise ConnectionFailed("is not open", device=self._name, action="send", remedy="call open() first")
        try:
            return call(self._port)
        except (serial.SerialException, OSError) as error:
            raise ConnectionFailed(
                f"the connection was lost: {error}",
                device=self._name,
                action="send",
                remedy="check the cable and the board's power",
            ) from error

    def _silent(self, action: str) -> DeadlineExceeded:
        return DeadlineExceeded(
            "did not answer",
            device=self._name,
            action=action,
            limit=f"{REPLY_S:g} s",
            remedy="check that an ArC ONE is connected to this port, and has power",
        )
