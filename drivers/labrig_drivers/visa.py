"""One VISA session, as drivers want it: text out, text in, a deadline, and two errors instead of thirty.

PyVISA and its backends raise what they like (their own errors, OSError, EOFError, struct.error); here everything
becomes `DeadlineExceeded` or `ConnectionFailed` with the device, the action and the remedy. After either, what still
comes in answers an old question, so the session is closed and the next use opens it anew.

One thread uses a session at a time. A call that finds another thread in the session takes over: that thread's call
hangs, and the instrument is to be made safe. A message on the same connection could be taken for a part of the one
under way (a table that is being uploaded), and its reply could be read by the other thread. So the old connection is
cut and the call goes over a new one.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Any, NoReturn

from labrig.errors import ConnectionFailed, DeadlineExceeded, LabrigError

_VISA_TIMEOUT = -1073807339  # VI_ERROR_TMO


def is_raw_socket(resource: str) -> bool:
    return resource.upper().endswith("SOCKET")


class VisaSession:
    """device: its name in the configuration. resource: a VISA resource name. deadline_s: of every call; pyvisa-py
    adds up to a second of its own where a VXI-11 instrument is gone. messages: how many were sent."""

    def __init__(self, device: str, resource: str, deadline_s: float) -> None:
        self.device = device
        self.resource = resource
        self.deadline_s = deadline_s
        self.messages = 0
        self._session: Any = None
        self._wanted = False
        self._user: int | None = None  # the thread that is in a call

    @property
    def wanted(self) -> bool:
        """Whether `open` was called and `close` was not; the connection itself may have been lost."""
        return self._wanted

    @property
    def takes_raw(self) -> bool:
        """Whether a message may end without a newline: raw sockets know no other end."""
        return not is_raw_socket(self.resource)

    def open(self) -> None:
        """Connect. A raw socket "connects" to nothing without an error in some backends: ask *IDN? next."""
        self.close()
        self._wanted = True
        self._session = self._connected()

    def close(self) -> None:
        """Disconnect; never raises."""
        self._wanted = False
        self._discard(self._session)

    def write(self, command: str, action: str) -> None:
        """Send one command."""
        self._call(action, lambda session: session.write(command))

    def write_raw(self, message: bytes, action: str) -> None:
        """Send bytes that end with the interface's own end mark, not with a newline."""
        self._call(action, lambda session: session.write_raw(message))

    def query(self, command: str, action: str) -> str:
        """Send one query; its answer without the line end."""
        return str(self._call(action, lambda session: session.query(command))).strip()

    def _call(self, action: str, what: Any) -> Any:
        if not self._wanted:
            raise ConnectionFailed("is not open", device=self.device, action=action)
        here = threading.get_ident()
        self._take_over(here)
        try:
            self._user = here
            session = self._session
            if session is None:
                session = self._connected()
                if self._user != here:  # another thread has taken over meanwhile
                    self._discard(session)
                    raise ConnectionFailed("took too long to connect", device=self.device, action=action)
                self._session = session
            return self._within(session, action, what)
        finally:
            if self._user == here:
                self._user = None

    def _within(self, session: Any, action: str, what: Any) -> Any:
        self.messages += 1
        began = time.monotonic()
        try:
            return what(session)
        except BaseException as error:
            spent_s = time.monotonic() - began
            self._cut(session)
            self._discard(session)
            if not isinstance(error, Exception):  # Ctrl-C: the answer on its way belongs to nobody now
                raise
            self._fail(error, action, late=spent_s >= self.deadline_s)

    def _take_over(self, here: int) -> None:
        """Cut the connection another thread hangs in. That thread closes its session when its call ends: to close one
        that is in use may hang, too."""
        if self._user not in (None, here):
            session, self._session, self._user = self._session, None, None
            if session is not None:
                self._cut(session, wakes_s=0.01)

    def _connected(self) -> Any:
        """A new session."""
        try:
            import pyvisa
        except ImportError as error:
            raise ConnectionFailed(
                "needs PyVISA", device=self.device, action="open", remedy="pip install pyvisa pyvisa-py"
            ) from error
        milliseconds = max(1, round(self.deadline_s * 1000))
        session: Any = None
        try:
            # PyVISA shares one manager per backend in the whole process: closing it would end everybody's sessions.
            session = pyvisa.ResourceManager().open_resource(self.resource, open_timeout=milliseconds)
            session.timeout = milliseconds
            session.write_termination = "\n"
            session.read_termination = "\n"
        except Exception as error:
            self._discard(session)
            self._fail(error, "open")
        self._no_delay(session)
        return session

    def _connection(self, session: Any) -> socket.socket:
        """The socket under a session. pyvisa-py has no public way to it: whoever asks expects any exception."""
        interface = session.visalib.sessions[session.session].interface
        return getattr(interface, "sock", interface)

    def _no_delay(self, session: Any) -> None:
        """Send at once: with Nagle's algorithm a write and the query after it cost 44 ms on a raw socket, and pyvisa-py
        does not ask for it. Other backends do it themselves."""
        with contextlib.suppress(Exception):
            self._connection(session).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _cut(self, session: Any, *, wakes_s: float = 0.0) -> None:
        """End a connection that failed, so that saying goodbye to a dead VXI-11 link does not take another 5 s.

        wakes_s: how long another thread that waits for the other side gets to wake up before its socket is closed: a
        new socket could get its number.
        """
        with contextlib.suppress(Exception):
            connection = self._connection(session)
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            time.sleep(wakes_s)
            connection.close()

    def _discard(self, session: Any) -> None:
        """Close a session; never raises."""
        if session is self._session:
            self._session = None
        if session is not None:
            with contextlib.suppress(Exception):
                session.close()

    def _fail(self, error: Exception, action: str, *, late: bool = False) -> NoReturn:
        """late: the deadline has passed, whatever the backend calls that (an I/O error, for a silent VXI-11 link)."""
        if isinstance(error, LabrigError):
            raise error
        if late or isinstance(error, TimeoutError) or getattr(error, "error_code", None) == _VISA_TIMEOUT:
            raise DeadlineExceeded(
                f"did not answer at {self.resource}",
                device=self.device,
                action=action,
                limit=f"{self.deadline_s:g} s",
                remedy="check power, cable and address",
            ) from error
        reason = str(error) or type(error).__name__
        raise ConnectionFailed(
            f"cannot be reached at {self.resource}: {reason}",
            device=self.device,
            action=action,
            remedy="check power, cable and address",
        ) from error
