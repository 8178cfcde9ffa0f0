"""A serial device behind a TCP port, which pyserial opens as `socket://host:port`."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from typing import Protocol

POLL_S = 0.01


class Unplugged(ConnectionError):
    """The cable is out."""


class SerialDevice(Protocol):
    """What `serve` needs: a board, or something around one that loses, delays or tears bytes."""

    def receive(self, data: bytes) -> bytes:
        """Bytes from the host; those to the host. Raises Unplugged."""
        ...

    def poll(self) -> None:
        """Called every `POLL_S`. Raises Unplugged: then the line ends, and whoever connects is sent away."""
        ...


@contextlib.contextmanager
def serve(device: SerialDevice, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve while the context lasts; gives the URL for `serial.serial_for_url`. Port 0: any free one.

    One host at a time and the newest wins: the old one may have died without a word.
    """
    ended = threading.Event()
    with socket.create_server((host, port)) as listener:
        thread = threading.Thread(target=_serve, args=(device, listener, ended), name="serial device", daemon=True)
        thread.start()
        try:
            yield "socket://{}:{}".format(*listener.getsockname()[:2])
        finally:
            ended.set()
            thread.join()


def _serve(device: SerialDevice, listener: socket.socket, ended: threading.Event) -> None:
    line: socket.socket | None = None
    with contextlib.ExitStack() as hosts:
        while not ended.is_set():
            try:
                device.poll()
            except Unplugged:
                hosts.close()
                line = None
            ready, _, _ = select.select([listener, line] if line else [listener], [], [], POLL_S)
            if line and line in ready and not _exchange(device, line):
                hosts.close()
                line = None
            if listener in ready:
                hosts.close()
                line = hosts.enter_context(listener.accept()[0])
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _exchange(device: SerialDevice, line: socket.socket) -> bool:
    """False when the host is gone."""
    try:
        data = line.recv(4096)
        line.sendall(device.receive(data))
    except OSError:
        return False
    return bool(data)
