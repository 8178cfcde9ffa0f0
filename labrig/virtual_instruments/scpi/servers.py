"""Servers that put a virtual instrument on loopback for VISA clients, as a raw socket or VXI-11.

    with SocketServer(instrument) as server:
        pyvisa.ResourceManager("@py").open_resource(server.resource)

VXI-11 needs no port mapper here: pyvisa-py accepts a port after a comma. VXI-11 messages may also end with the END
flag, so raw binary data need no length.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

from typing_extensions import override

from labrig.simulation.faults import ConnectionFault, DelayFault, FaultSchedule, SilenceFault
from labrig.virtual_instruments.same_user import is_same_user
from labrig.virtual_instruments.scpi.syntax import Framer, ScpiError

_CHUNK = 1 << 18
_LARGEST_RECORD = 1 << 26


class Executes(Protocol):
    """The interface of an instrument that the servers use."""

    @property
    def has_blocks(self) -> bool:
        """Whether messages of the instrument may contain definite-length blocks."""
        ...

    def execute(self, message: bytes) -> bytes:
        """Execute one message and return its reply, or nothing."""
        ...

    def status_byte(self) -> int:
        """The status byte of a serial poll."""
        ...


@dataclass(frozen=True)
class Latency:
    """Processing time of an instrument.

    The defaults add nothing, so that tests measure the driver. The measured values of a model are in the file of its
    virtual instrument.

    Attributes
    ----------
    write_s, query_s
        Time until a message without, or with, a query takes effect (s).
    """

    write_s: float = 0.0
    query_s: float = 0.0

    def __call__(self, message: bytes) -> float:
        """Processing time of a message (s)."""
        return self.query_s if b"?" in message[:256] else self.write_s


class _Dropped(Exception):
    """Ends the connection."""


class Server:
    """One instrument on one listening port; `stop` ends its threads.

    Parameters
    ----------
    instrument
        The instrument.
    latency
        Function from a message to its processing time (s).
    host, port
        Address to listen on; port 0 means any free port.
    faults
        Fault schedule of the bench; the faults of the instrument `name` are injected.
    name
        Name of the instrument.
    """

    def __init__(
        self,
        instrument: Executes,
        latency: Callable[[bytes], float] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: FaultSchedule | None = None,
        name: str = "",
    ) -> None:
        self.instrument = instrument
        self.faults = faults if faults is not None else FaultSchedule()
        self._name = name
        self.faults.when_begun(name, ConnectionFault, lambda _: self.cut())
        self.messages = 0
        self._latency = latency if latency is not None else Latency()
        self._listener = socket.create_server((host, port))
        self._listener.settimeout(0.2)
        self.host, self.port = self._listener.getsockname()[:2]
        self._stopping = threading.Event()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self._accept, name=f"virtual instrument {self.port}", daemon=True)
        self._thread.start()

    @property
    def resource(self) -> str:
        """VISA resource name for pyvisa-py clients."""
        raise NotImplementedError

    def stop(self) -> None:
        """End all connections and threads. May be called twice."""
        self._stopping.set()
        self._listener.close()
        self._thread.join(2.0)
        for thread in self.cut():
            thread.join(2.0)

    def cut(self) -> list[threading.Thread]:
        """End all connections; returns their threads, which end soon."""
        with self._guard:
            connections = dict(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        return list(connections.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def serve(self, connection: socket.socket) -> None:
        """Serve one client until it disconnects."""
        raise NotImplementedError

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, client = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            if self.faults.active(self._name, ConnectionFault) or not is_same_user(client, (self.host, self.port)):
                connection.close()
                continue
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._run, args=(connection,), daemon=True)
            with self._guard:
                self._connections[connection] = thread
            thread.start()

    def _run(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, EOFError, struct.error, _Dropped, ScpiError):
            self.serve(connection)
        with self._guard:
            self._connections.pop(connection, None)

    def _execute(self, message: bytes) -> bytes:
        """Return the reply to one message, after its processing time, and as changed by faults."""
        self.messages += 1
        if self.faults.active(self._name, ConnectionFault):
            raise _Dropped
        _pause(self._latency(message))
        reply = self.instrument.execute(message)
        if reply:
            for late in self.faults.on_message(self._name, DelayFault):
                self._stopping.wait(late.delay_s)
        return b"" if self._silent else reply

    @property
    def _silent(self) -> bool:
        return bool(self.faults.active(self._name, SilenceFault))


def _pause(duration_s: float) -> None:
    """Sleep, spinning at the end: the scheduler's wake-up takes as long as a short pause itself."""
    if duration_s <= 0:
        return
    until = time.perf_counter() + duration_s
    if duration_s > 200e-6:
        time.sleep(duration_s - 100e-6)
    while time.perf_counter() < until:
        time.sleep(0)


class SocketServer(Server):
    """SCPI over a raw socket: a message ends at a newline outside definite-length blocks."""

    @property
    @override
    def resource(self) -> str:
        return f"TCPIP::{self.host}::{self.port}::SOCKET"

    @override
    def serve(self, connection: socket.socket) -> None:
        framer = Framer(self.instrument.has_blocks)
        while data := connection.recv(_CHUNK):
            for message in framer.feed(data):
                reply = self._execute(message)
                if reply:
                    connection.sendall(reply)


_CREATE_LINK, _WRITE, _READ, _READ_STATUS, _TRIGGER, _CLEAR = 10, 11, 12, 13, 14, 15
_REMOTE, _LOCAL, _LOCK, _UNLOCK, _ENABLE_REQUEST, _DESTROY_LINK = 16, 17, 18, 19, 20, 23
_END_FLAG, _REASON_COUNT, _REASON_END = 8, 1, 4
_UNSUPPORTED, _TIMED_OUT = 8, 15


def _words(*values: int) -> bytes:
    return struct.pack(f"!{len(values)}I", *values)


class Vxi11Server(Server):
    """The core channel of VXI-11 over ONC RPC: links, write, read, status, clear."""

    @property
    @override
    def resource(self) -> str:
        return f"TCPIP::{self.host},{self.port}::inst0::INSTR"

    @override
    def serve(self, connection: socket.socket) -> None:
        incoming, outgoing = bytearray(), bytearray()
        while True:
            call = _record(connection)
            xid, procedure, arguments = _parsed(call)
            result = self._answer(procedure, arguments, incoming, outgoing)
            if result is None:  # no reply is sent
                continue
            reply = _words(xid, 1, 0, 0, 0, 0) + result
            connection.sendall(_words(0x80000000 | len(reply)) + reply)

    def _answer(self, procedure: int, arguments: bytes, incoming: bytearray, outgoing: bytearray) -> bytes | None:
        if procedure == _CREATE_LINK:
            return _words(0, 1, 0, 1 << 20)  # no error, link 1, no abort channel, largest write
        if procedure == _WRITE:
            flags, length = struct.unpack("!2I", arguments[12:20])
            incoming += arguments[20 : 20 + length]
            if flags & _END_FLAG:
                message = bytes(incoming)
                incoming.clear()
                outgoing[:] = self._execute(message)  # a newline at its end may be data
            return _words(0, length)
        if procedure == _READ:
            (wanted,) = struct.unpack("!I", arguments[4:8])
            (patience_ms,) = struct.unpack("!I", arguments[8:12])
            if self._silent:
                return None
            if not outgoing:
                self._stopping.wait(min(patience_ms, 60_000) / 1000)
                return _words(_TIMED_OUT, 0, 0)
            data = bytes(outgoing[:wanted])
            del outgoing[:wanted]
            reason = _REASON_COUNT if outgoing else _REASON_END
            return _words(0, reason, len(data)) + data + b"\0" * (-len(data) % 4)
        if procedure == _READ_STATUS:
            available = 16 if outgoing else 0
            return _words(0, self.instrument.status_byte() | available)
        if procedure == _CLEAR:
            incoming.clear()
            outgoing.clear()
            return _words(0)
        if procedure in (_TRIGGER, _REMOTE, _LOCAL, _LOCK, _UNLOCK, _ENABLE_REQUEST, _DESTROY_LINK):
            return _words(0)
        return _words(_UNSUPPORTED)


def _exactly(connection: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        more = connection.recv(min(_CHUNK, length - len(data)))
        if not more:
            raise EOFError
        data += more
    return bytes(data)


def _record(connection: socket.socket) -> bytes:
    """Read one RPC record from its fragments."""
    record = b""
    while True:
        (mark,) = struct.unpack("!I", _exactly(connection, 4))
        if len(record) + (mark & 0x7FFFFFFF) > _LARGEST_RECORD:
            raise _Dropped
        record += _exactly(connection, mark & 0x7FFFFFFF)
        if mark & 0x80000000:
            return record


def _parsed(call: bytes) -> tuple[int, int, bytes]:
    """(transaction, procedure, arguments) of an RPC call; credentials are skipped."""
    try:
        xid, _, _, _, _, procedure = struct.unpack("!6I", call[:24])
        at = 24
        for _ in range(2):
            (length,) = struct.unpack("!I", call[at + 4 : at + 8])
            at += 8 + length + (-length % 4)
    except struct.error:
        raise _Dropped from None
    return xid, procedure, call[at:]
