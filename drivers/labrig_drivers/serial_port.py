"""Closes ports of pyserial, which may be serial ports or URLs such as socket://host:port."""

from __future__ import annotations

import contextlib
from typing import Any


def close_port(port: Any) -> None:
    """Close a port of pyserial, or do nothing if it is None; never raises."""
    if port is None:
        return
    socket = getattr(port, "_socket", None)
    with contextlib.suppress(Exception):
        port.close()
    # pyserial leaves the socket open if its peer has disconnected: its shutdown() raises before its close().
    if socket is not None:
        with contextlib.suppress(Exception):
            socket.close()
