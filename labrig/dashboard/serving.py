"""Serves the dashboard on the loopback interface until Ctrl-C."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

from labrig.dashboard.views import Views
from labrig.errors import UsageError

if TYPE_CHECKING:
    import uvicorn

LOOPBACK = "127.0.0.1"
_LOWER_PRIORITY = 10
"""Added to the niceness of this process, so that a run on the same computer has priority."""
_CLOSING_S = 2
_LAST_LOOK_S = 1.5
"""Time for open pages to learn how a run ended (s); they are updated every second."""


def serve(views: Views, port: int, ready: Callable[[str], None], until: Callable[[], object] | None = None) -> None:
    """Serve until Ctrl-C.

    Parameters
    ----------
    views
        The runs to show.
    port
        The port; 0 for any free port.
    ready
        Called with the address, which contains the token, once the server answers. It serves no page during this call.
    until
        Function called in a thread; the dashboard ends when it returns, as on Ctrl-C.

    Raises
    ------
    UsageError
        If the extra `dashboard` is not installed, or the port cannot be opened.
    """
    try:
        import uvicorn

        from labrig.dashboard.access import new_token
        from labrig.dashboard.app import application
    except ImportError as error:
        raise UsageError(
            f"{error.name or 'a library'} is not installed", remedy="pip install 'labrig[dashboard]'"
        ) from error
    with _opened(port) as listening:
        own = listening.getsockname()[1]
        token = new_token()
        config = uvicorn.Config(
            application(views, token, own), log_level="error", access_log=False, server_header=False,
            date_header=False, timeout_graceful_shutdown=_CLOSING_S, ws_max_size=4096, lifespan="off",
        )  # fmt: skip
        logging.getLogger("uvicorn.error").addFilter(_is_a_fault)
        with suppress(AttributeError, OSError):  # not on Windows
            os.nice(_LOWER_PRIORITY)
        server = uvicorn.Server(config)
        signals: list[int] = []
        closes = server.handle_exit
        starts = server.startup

        async def started(sockets: list[socket.socket] | None = None) -> None:
            await starts(sockets)
            ready(f"http://{LOOPBACK}:{own}/?token={token}")

        def noted(sig: int, frame: FrameType | None) -> None:
            signals.append(sig)
            closes(sig, frame)

        server.startup = started
        server.handle_exit = noted
        if until is not None:
            threading.Thread(target=_end_after, args=(until, server), daemon=True).start()
        server.run(sockets=[listening])
        if signal.SIGINT in signals:
            raise KeyboardInterrupt


def _is_a_fault(record: logging.LogRecord) -> bool:
    """Return whether to show a log message of uvicorn, which (0.54) logs every refused WebSocket as an error."""
    return "without completing handshake" not in record.getMessage()


def _end_after(until: Callable[[], object], server: uvicorn.Server) -> None:
    until()
    time.sleep(_LAST_LOOK_S)
    server.should_exit = True


def _opened(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name != "nt":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        raise UsageError(
            f"port {port} cannot be opened: {error}", remedy="choose another --port, or omit it"
        ) from error
    return listening
