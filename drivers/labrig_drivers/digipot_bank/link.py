"""The serial link to a digital-potentiometer bank: frames, sequence numbers, repeats; see drivers/firmware/README.md.

One request at a time. An unanswered request is repeated with the same bytes, so that the board can tell a repeat from
a new request and execute each at most once.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from enum import IntEnum
from typing import Any, NoReturn, Protocol

from labrig.errors import ConfigError, ConnectionFailed, DeadlineExceeded, IdentityMismatch
from labrig_drivers.digipot_bank.frames import (
    FRAMING,
    REPLY_AROUND_BODY,
    VERSION,
    Op,
    Reply,
    Status,
    frame,
    read_reply,
)
from labrig_drivers.serial_port import close_port

REPLY_WAIT_S = 0.25  # in addition to the transmission time of the longest request and reply
REPEATS = 4
HELLO_S = 3.0  # opening the port resets an Uno, whose bootloader listens first

_WRITE_S = 1.0
_BOTH_WAYS = 2 * 280  # bytes
_LONGEST = 1024  # bytes without a zero that may still become a frame; far above any MTU


class RequestLink(Protocol):
    """The link that a bank uses: a `Link` of its own, or its share of a link that other instruments use too."""

    @property
    def is_open(self) -> bool:
        """Whether the port is open."""
        ...

    @property
    def adapter_serial(self) -> str:
        """Serial number of the port's USB adapter; empty if there is none."""
        ...

    @property
    def silence_s(self) -> float:
        """Time since the last reply (s)."""
        ...

    @property
    def last_good(self) -> str:
        """The last reply, for error messages."""
        ...

    def open(self) -> None:
        """Open the port."""
        ...

    def close(self) -> None:
        """Close the port; never raises."""
        ...

    def lose(self) -> None:
        """Close a port that does not answer, so that `open` opens it again; never raises."""
        ...

    def request(self, op: IntEnum, payload: bytes, body: int, *, patience_s: float | None = None) -> Reply:
        """Send a request and wait for its reply."""
        ...


class Link:
    """Requests and replies over a serial port or any other pyserial URL, such as socket://host:port.

    `open` and `request` raise ConnectionFailed if the port is missing or lost (it is then closed), and
    DeadlineExceeded if the board does not answer.
    """

    def __init__(self, name: str, resource: str, baud: int) -> None:
        self._name = name
        self._resource = resource
        self._baud = baud
        # The same for all requests, because changing the timeout reconfigures the port, which takes time.
        self._wait_s = REPLY_WAIT_S + 10 * _BOTH_WAYS / baud
        self._port: Any = None
        self._port_errors: tuple[type[Exception], ...] = (OSError,)
        self._sequence = random.randrange(0x10000)  # random: requests of a restarted host must not look like repeats
        self._rest = b""  # received after the last zero
        self._answered: tuple[IntEnum, float] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the port is open."""
        return self._port is not None

    @property
    def adapter_serial(self) -> str:
        """Serial number of the port's USB adapter; empty if there is none."""
        with contextlib.suppress(Exception):  # a convenience of pyserial that not every system has
            from serial.tools import list_ports

            device = os.path.realpath(self._resource)
            return next((port.serial_number or "" for port in list_ports.comports() if port.device == device), "")
        return ""

    @property
    def silence_s(self) -> float:
        """Time since the last reply (s)."""
        return float("inf") if self._answered is None else time.monotonic() - self._answered[1]

    @property
    def last_good(self) -> str:
        """The last reply, for error messages."""
        if self._answered is None:
            return "no reply yet"
        op, _ = self._answered
        return f"{op.name} answered {self.silence_s:.1f} s ago"

    def open(self) -> None:
        """Open the port and discard received data."""
        try:
            import serial
            from cobs import cobs  # noqa: F401  (if missing, fail here rather than at the first frame)
        except ImportError as missing:
            raise ConfigError(
                f"the driver needs the Python module {missing.name!r}",
                device=self._name,
                action="open",
                remedy="pip install pyserial cobs",
            ) from missing
        self.close()
        # pyserial lets termios.error through, which is not an OSError; invalid URLs raise ValueError.
        with contextlib.suppress(ImportError):
            import termios

            self._port_errors = (OSError, termios.error)
        try:
            port = serial.serial_for_url(
                self._resource, baudrate=self._baud, timeout=self._wait_s, write_timeout=_WRITE_S, exclusive=True
            )
        except (*self._port_errors, ValueError) as error:
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
            raise ConnectionFailed(
                f"cannot open {self._resource}: {reason}",
                device=self._name,
                action="open",
                last_good=self.last_good,
                remedy="check `resource:`, the cable, the permissions, and that no other program holds the port",
            ) from error
        self._port = port
        self._rest = b""
        # Otherwise FTDI adapters collect bytes for 16 ms. Pseudo-terminals, sockets and other systems do not have this
        # mode and raise various errors.
        with contextlib.suppress(Exception):
            port.set_low_latency_mode(True)
        try:
            port.reset_input_buffer()
        except self._port_errors as error:
            self._lost("open", error)

    def close(self) -> None:
        """Close the port; never raises."""
        port, self._port = self._port, None
        close_port(port)

    lose = close

    def request(self, op: IntEnum, payload: bytes, body: int, *, patience_s: float | None = None) -> Reply:
        """Send a request and wait for its reply, repeating the same bytes if none comes.

        Parameters
        ----------
        op
            The operation.
        payload
            Its data.
        body
            Expected length of the reply's body (bytes), so that one read gets it. Replies of another length are
            accepted too, a shorter one only at the end of the wait.
        patience_s
            Time after which to give up (s). None: after the first try and 4 repeats.
        """
        if self._port is None:
            raise ConnectionFailed(
                "the port is not open", device=self._name, action=op.name, last_good=self.last_good, remedy="open it"
            )
        self._sequence = (self._sequence + 1) % 0x10000
        asked = frame(op, self._sequence, payload)
        started = time.monotonic()
        sent = 0
        while True:
            try:
                self._port.write(asked)
                sent += 1
                reply = self._receive(op, self._sequence, body)
            except self._port_errors as error:
                self._lost(op.name, error)
            if reply is not None:
                return self._accepted(op, reply)
            waited = time.monotonic() - started
            if sent > REPEATS if patience_s is None else waited >= patience_s:
                raise DeadlineExceeded(
                    f"{self._resource} did not answer after {sent} {'try' if sent == 1 else 'tries'}",
                    device=self._name,
                    action=op.name,
                    limit=f"{waited:.2g} s",
                    last_good=self.last_good,
                    remedy="check the board's power, its firmware, and `baud:`",
                )

    def _accepted(self, op: IntEnum, reply: Reply) -> Reply:
        if reply.status == Status.BAD_VERSION:
            spoken = " to ".join(str(number) for number in reply.body[:2])
            raise IdentityMismatch(
                f"the board uses protocol version {spoken}, but this driver uses {VERSION}",
                device=self._name,
                action=op.name,
                remedy="flash the firmware of this labrig version",
            )
        self._answered = (op, time.monotonic())
        return reply

    def _receive(self, op: IntEnum, sequence: int, body: int) -> Reply | None:
        """Wait for the reply to the request; None after the timeout. Everything else received is ignored."""
        deadline = time.monotonic() + self._wait_s
        received = self._read(REPLY_AROUND_BODY + body + FRAMING, self._wait_s)
        while True:
            answer: Reply | None = None
            for reply in self._replies(received):
                if answer is None and _answers(reply, op, sequence):
                    answer = reply
                else:
                    self._unasked(reply)
            if answer is not None:
                return answer
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            received = self._read(1, left)  # noise, a late reply or a longer one: the end of ours is unknown

    def _replies(self, received: bytes) -> list[Reply]:
        """Decode the frames that these bytes complete."""
        *pieces, self._rest = (self._rest + received).split(b"\0")
        if len(self._rest) > _LONGEST:
            self._rest = b""  # too long for a frame; the CRC will reject the remainder
        replies = (read_reply(piece) for piece in pieces if piece)
        return [reply for reply in replies if reply is not None]

    def _unasked(self, reply: Reply) -> None:
        """Ignore a frame that does not answer the request, such as a late reply."""

    def _read(self, count: int, wait_s: float) -> bytes:
        if self._port.timeout != wait_s:
            self._port.timeout = wait_s
        return self._port.read(count)

    def _lost(self, action: str, error: Exception) -> NoReturn:
        self.close()
        raise ConnectionFailed(
            f"{self._resource} was lost: {error}",
            device=self._name,
            action=action,
            last_good=self.last_good,
            remedy="check the cable and the board's power",
        ) from error


def _answers(reply: Reply, op: IntEnum, sequence: int) -> bool:
    """Whether this is the reply to that request, in a supported protocol version."""
    # HELLO, SAFE and BAD_VERSION replies are the same in every version.
    frozen = op in (Op.HELLO, Op.SAFE) or reply.status == Status.BAD_VERSION
    return reply.sequence == sequence and reply.op == op | 0x80 and (frozen or reply.version == VERSION)
