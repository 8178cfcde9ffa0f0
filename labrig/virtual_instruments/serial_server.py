"""A serial device on a TCP port, which pyserial opens as `socket://host:port`."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from typing import Protocol

from labrig.virtual_instruments.same_user import is_same_user

POLL_S = 0.01


class Unplugged(ConnectionError):
    """The cable is unplugged."""


class SerialDevice(Protocol):
    """A device for `serve`: a board, or a faulty line to one."""

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the host and return the reply; raises Unplugged."""
        ...

    def poll(self) -> None:
        """Called every `POLL_S`. While it raises Unplugged, connections are closed at once."""
        ...


class Stream(Protocol):
    """The data that a device sends without a request."""

    def due_s(self) -> float:
        """Return the time until there is data to send (s); infinite if there will be none."""
        ...

    def take(self) -> bytes:
        """Return the bytes to send now."""
        ...


@contextlib.contextmanager
def serve(device: SerialDevice, host: str = "127.0.0.1", port: int = 0, stream: Stream | None = None) -> Iterator[str]:
    """Serve a device while the context lasts, to one host at a time.

    A new host replaces the previous one, which may have died without closing its connection.

    Parameters
    ----------
    device
        The device.
    host, port
        Address to listen on; port 0 is any free one.
    stream
        Data that the device sends without a request, if it does.

    Yields
    ------
    str
        URL for `serial.serial_for_url`.
    """
    ended = threading.Event()
    with socket.create_server((host, port)) as listener:
        thread = threading.Thread(
            target=_serve, args=(device, listener, ended, stream), name="serial device", daemon=True
        )
        thread.start()
        try:
            yield "socket://{}:{}".format(*listener.getsockname()[:2])
        finally:
            ended.set()
            thread.join()


def _serve(device: SerialDevice, listener: socket.socket, ended: threading.Event, stream: Stream | None = None) -> None:
    line: socket.socket | None = None
    with contextlib.ExitStack() as hosts:
        while not ended.is_set():
            try:
                device.poll()
            except Unplugged:
                hosts.close()
                line = None
            wait_s = POLL_S if stream is None else min(POLL_S, stream.due_s())
            ready, _, _ = select.select([listener, line] if line else [listener], [], [], wait_s)
            if stream is not None and not _send(stream, line):
                hosts.close()
                line = None
            if line and line in ready and not _exchange(device, line):
                hosts.close()
                line = None
            if listener in ready:
                accepted, client = listener.accept()
                if not is_same_user(client, listener.getsockname()):
                    accepted.close()
                    continue
                hosts.close()
                line = hosts.enter_context(accepted)
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _send(stream: Stream, line: socket.socket | None) -> bool:
    """Send the data of the stream, which is lost without a host; return False if the host has disconnected."""
    data = stream.take()
    if line is not None and data:
        try:
            line.sendall(data)
        except OSError:
            return False
    return True


def _exchange(device: SerialDevice, line: socket.socket) -> bool:
    """Pass on received bytes and send the reply; False if the host has disconnected."""
    try:
        data = line.recv(4096)
        line.sendall(device.receive(data))
    except OSError:
        return False
    return bool(data)
