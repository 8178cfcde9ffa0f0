"""A virtual SCPI instrument: `execute(message) -> reply`, with the status system of IEEE 488.2.

An instrument registers a handler per command and per query. A handler returns the reply of a query and raises
`ScpiError` for invalid input; mistakes of the client only ever enter the error queue.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from labrig.virtual_instruments.scpi.syntax import ScpiError, Unit, number, split_units
from labrig.virtual_instruments.scpi.tree import CommandTree

OPERATION_COMPLETE, QUERY_ERROR, DEVICE_ERROR, EXECUTION_ERROR, COMMAND_ERROR, POWER_ON = 1, 4, 8, 16, 32, 128
"""Bits of the standard event status register."""

ERROR_AVAILABLE, MESSAGE_AVAILABLE, EVENT_SUMMARY, REQUEST = 4, 16, 32, 64
"""Bits of the status byte."""

_QUEUE = 20


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a handler: the numeric suffixes of the header, and the arguments."""

    suffixes: tuple[int, ...]
    arguments: tuple[str | bytes, ...]

    def text(self, index: int = 0) -> str:
        """One argument as text; raises ScpiError if it is missing or a block."""
        if index >= len(self.arguments):
            raise ScpiError(-109, "Missing parameter")
        argument = self.arguments[index]
        if not isinstance(argument, str):
            raise ScpiError(-104, "Data type error")
        return argument

    def number(self, index: int = 0) -> float:
        """One argument as a number in SI units; raises ScpiError if it is not a number."""
        return number(self.text(index))

    def block(self, index: int = 0) -> bytes:
        """One argument as the bytes of a block; raises ScpiError if it is missing or text."""
        if index >= len(self.arguments):
            raise ScpiError(-109, "Missing parameter")
        argument = self.arguments[index]
        if not isinstance(argument, bytes):
            raise ScpiError(-104, "Data type error")
        return argument


Handler = Callable[[Call], str | bytes | None]


class ScpiInstrument:
    """Base class of virtual SCPI instruments.

    Parameters
    ----------
    identity
        Reply to *IDN?.
    lock
        Held while a message is executed; shared by the servers of an instrument and the instruments of a bench.
    raw_after, chaining
        See `split_units`.

    Attributes
    ----------
    has_blocks
        Whether its messages contain definite-length blocks.
    failure
        Last exception of a handler other than ScpiError: a bug in this package, not in the client. For tests.
    """

    def __init__(
        self,
        identity: str,
        lock: threading.RLock | None = None,
        raw_after: frozenset[str] = frozenset(),
        chaining: bool = True,
    ) -> None:
        self.identity = identity
        self.lock = lock if lock is not None else threading.RLock()
        self.failure: Exception | None = None
        self.has_blocks = True
        self._raw_after = raw_after
        self._chaining = chaining
        self._commands: CommandTree[Handler] = CommandTree()
        self._queries: CommandTree[Handler] = CommandTree()
        self._errors: deque[ScpiError] = deque()
        self._event = POWER_ON
        self._event_enable = 0
        self._request_enable = 0
        self._register_common()

    def command(self, pattern: str, handler: Handler) -> None:
        """Register the handler of a command."""
        self._commands.add(pattern, handler)

    def query(self, pattern: str, handler: Handler) -> None:
        """Register the handler of a query, whose pattern is written without the question mark."""
        self._queries.add(pattern, handler)

    def reset(self) -> None:
        """Reset the settings (*RST). Status and error queue are kept."""

    def execute(self, message: bytes) -> bytes:
        """Execute one message; returns the replies of its queries joined by semicolons, or nothing. Never raises."""
        with self.lock:
            replies: list[bytes] = []
            try:
                units = split_units(message, self._raw_after, self._chaining)
            except ScpiError as error:
                self.report(error)
                return b""
            path = ""
            for unit in units:
                reply, path = self._do(unit, path)
                if reply is not None:
                    replies.append(reply)
            return b";".join(replies) + b"\n" if replies else b""

    def report(self, error: ScpiError) -> None:
        """Queue an error and set the bit of its class."""
        if len(self._errors) < _QUEUE:
            self._errors.append(error)
        else:
            self._errors[-1] = ScpiError(-350, "Queue overflow")
        classes = {1: COMMAND_ERROR, 2: EXECUTION_ERROR, 3: DEVICE_ERROR, 4: QUERY_ERROR}
        self._event |= classes.get(-error.code // 100, DEVICE_ERROR)

    def status_byte(self) -> int:
        """The status byte as *STB? and a serial poll read it."""
        status = (ERROR_AVAILABLE if self._errors else 0) | (EVENT_SUMMARY if self._event & self._event_enable else 0)
        return status | (REQUEST if status & self._request_enable else 0)

    def next_error(self) -> str:
        """Remove the oldest error from the queue and return it (SYST:ERR?)."""
        if not self._errors:
            return '+0,"No error"'
        error = self._errors.popleft()
        return f'{error.code:+d},"{error.text}"'

    def _do(self, unit: Unit, path: str) -> tuple[bytes | None, str]:
        """Execute one unit; returns its reply and the path at which the next header starts."""
        header = unit.header
        if header.startswith(":"):
            header = header[1:]
        elif not header.startswith("*"):
            header = path + header
        if not header.startswith("*"):
            path = header.rpartition(":")[0]
            path = path + ":" if path else ""
        try:
            found = (self._queries if unit.query else self._commands).find(header)
            if found is None:
                raise ScpiError(-113, "Undefined header")
            handler, suffixes = found
            reply = handler(Call(suffixes, unit.arguments))
        except ScpiError as error:
            self.report(error)
            return None, path
        except Exception as error:
            self.failure = error
            self.report(ScpiError(-300, "Device-specific error"))
            return None, path
        return (reply.encode("latin-1", "replace") if isinstance(reply, str) else reply), path

    def _register_common(self) -> None:
        self.query("*IDN", lambda _: self.identity)
        self.query("*OPC", lambda _: "1")
        self.query("*TST", lambda _: "0")
        self.query("*STB", lambda _: str(self.status_byte()))
        self.query("*ESR", lambda _: self._read_event())
        self.query("*ESE", lambda _: str(self._event_enable))
        self.query("*SRE", lambda _: str(self._request_enable))
        self.query("SYSTem:ERRor[:NEXT]", lambda _: self.next_error())
        self.command("*OPC", lambda _: self._complete())
        self.command("*WAI", lambda _: None)
        self.command("*RST", lambda _: self.reset())
        self.command("*CLS", lambda _: self._clear())
        self.command("*ESE", lambda call: self._enable(call, events=True))
        self.command("*SRE", lambda call: self._enable(call, events=False))

    def _read_event(self) -> str:
        event, self._event = self._event, 0
        return str(event)

    def _complete(self) -> None:
        self._event |= OPERATION_COMPLETE

    def _clear(self) -> None:
        self._errors.clear()
        self._event = 0

    def _enable(self, call: Call, *, events: bool) -> None:
        mask = round(call.number())
        if not 0 <= mask <= 255:
            raise ScpiError(-222, "Data out of range")
        if events:
            self._event_enable = mask
        else:
            self._request_enable = mask & ~REQUEST
