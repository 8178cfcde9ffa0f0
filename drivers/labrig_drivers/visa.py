"""A VISA session for drivers, with text messages, a deadline for every call, and two kinds of error.

PyVISA and its backends raise many exceptions (their own, OSError, EOFError, struct.error). Here they all become
`DeadlineExceeded` or `ConnectionFailed`, with the device, the action and the remedy. Data that arrives after an error
belongs to an old query, so the session is closed and the next call opens a new one.

One thread uses a session at a time. If a call finds another thread in the session, that thread's call is hanging and
the instrument must be made safe. On the same connection, the instrument could take the new message for a part of the
unfinished one, and the other thread could read the reply. So the old connection is cut, and the call uses a new one.
Only a raw message, which is an upload, is never cut: other threads wait until it has been sent.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

from labrig.errors import ConnectionFailed, DeadlineExceeded, LabrigError
from labrig.instruments.addresses import canonical, host_of, is_loopback, resolves
from labrig_drivers.worker_thread import PendingCall

_VISA_TIMEOUT = -1073807339  # VI_ERROR_TMO

LONGEST_HEADER = 512
"""Longest text before the data in a reply (bytes)."""

GRACE_S = 1.0
"""Time between the deadline of a raw message and the cutting of its connection (s)."""


def is_raw_socket(resource: str) -> bool:
    """Whether a VISA resource name is a raw TCP socket."""
    return resource.upper().endswith("SOCKET")


def visa_library_remedy() -> str:
    """Remedy if the VISA library cannot be loaded; it names the setting that chose the library."""
    chosen = os.environ.get("PYVISA_LIBRARY")
    if chosen:
        return f"correct or unset the environment variable PYVISA_LIBRARY, which is {chosen!r}"
    return "check the VISA library named in .pyvisarc, or install pyvisa-py"


class VisaSession:
    """A VISA session with a deadline for every call.

    Parameters
    ----------
    device
        Name of the instrument in the configuration.
    resource
        VISA resource name.
    deadline_s
        Deadline of every call (s). pyvisa-py adds up to 1 s if a VXI-11 instrument has disappeared.

    Attributes
    ----------
    messages
        Number of messages sent.
    """

    def __init__(self, device: str, resource: str, deadline_s: float) -> None:
        self.device = device
        self.resource = resource
        self.deadline_s = deadline_s
        self.messages = 0
        self._session: Any = None
        self._is_open = False
        self._user: int | None = None  # the thread that is making a call
        self._sending: PendingCall | None = None  # a raw message that is being sent
        self._wanted: PendingCall | None = None  # the raw message after which another thread wants the session

    @property
    def is_open(self) -> bool:
        """Whether `open` has been called and `close` has not. The connection itself may have been lost."""
        return self._is_open

    def open(self) -> None:
        """Connect. Some backends "open" a raw socket without a peer and report no error, so query *IDN? next."""
        self.close()
        self._is_open = True
        self._session = self._connected()

    def close(self) -> None:
        """Disconnect; never raises."""
        self._is_open = False
        self._discard(self._session)

    def write(self, command: str, action: str) -> None:
        """Send one command."""
        self._call(action, lambda session: session.write(command))

    def write_raw(self, message: bytes, action: str) -> None:
        """Send bytes terminated by the interface's own end mark instead of a newline.

        The message is sent completely, in its own thread: Ctrl-C, and calls from other threads, wait until it has been
        sent or its deadline has passed. Raises ConnectionFailed if another thread waited; it takes over the connection.
        """
        sending = self._sending = PendingCall(
            lambda: self._call(action, lambda session: session.write_raw(message), raw=True)
        )
        interrupt: BaseException | None = None
        try:
            threading.Thread(target=sending.run, name=f"{self.device} upload", daemon=True).start()
            while True:
                try:
                    sending.wait(None)
                    break
                except BaseException as error:  # Ctrl-C, however often
                    interrupt = error
        finally:
            self._sending = None
        if interrupt is not None:
            raise interrupt
        sending.result()
        if self._wanted is sending:
            raise ConnectionFailed("another call (make_safe) took the connection", device=self.device, action=action)

    def query(self, command: str, action: str) -> str:
        """Send one query and return the reply without the line end."""
        return str(self._call(action, lambda session: session.query(command))).strip()

    def query_data(
        self, command: str, action: str, header: bytes, mark: bytes, length: Callable[[bytes], int]
    ) -> tuple[bytes, bytes]:
        """Send one query whose reply is text, data that may contain any byte, and a newline.

        Parameters
        ----------
        command, action
            The query, and its purpose for error messages.
        header, mark
            Beginning and end of the text.
        length
            Function that returns the number of data bytes from the text.

        Returns
        -------
        tuple of bytes
            The text and the data.

        Raises
        ------
        ConnectionFailed
            If the reply does not begin with `header`, because the reply to another query was left on the line. The
            connection is then given up.
        """

        def read(session: Any) -> tuple[bytes, bytes]:
            session.write(command)
            text = bytes(session.read_bytes(len(header)))
            if text != header:
                raise ConnectionFailed(
                    f"answered {text!r}… to {command}; the reply to another query was left on the line",
                    device=self.device,
                    action=action,
                    remedy="close other programs using it",
                )
            while not text.endswith(mark):
                text += bytes(session.read_bytes(1))
                if len(text) > LONGEST_HEADER:
                    raise ConnectionFailed(
                        f"answered {text!r}… to {command}",
                        device=self.device,
                        action=action,
                        remedy="close other programs using it",
                    )
            data = bytes(session.read_bytes(length(text) + 1))
            return text, data[:-1]

        return self._call(action, read)

    def abandon(self) -> None:
        """Give up the connection and any data left on the line; the next call opens a new connection."""
        session = self._session
        if session is not None:
            self._cut(session)
            self._discard(session)

    def _call(self, action: str, what: Any, *, raw: bool = False) -> Any:
        if not self._is_open:
            raise ConnectionFailed("is not open", device=self.device, action=action, remedy="call open() first")
        here = threading.get_ident()
        if not raw:
            self._let_finish()
        self._take_over(here)
        try:
            self._user = here
            session = self._session
            if session is None:
                session = self._connected()
                if self._user != here:  # another thread has taken over in the meantime
                    self._discard(session)
                    raise ConnectionFailed(
                        "connected too late", device=self.device, action=action, remedy="check the network"
                    )
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
            if not isinstance(error, Exception):  # Ctrl-C: nobody will read the pending reply
                raise
            self._fail(error, action, late=spent_s >= self.deadline_s)

    def _let_finish(self) -> None:
        """Wait until a raw message of another thread has been sent."""
        sending = self._sending
        if sending is not None:
            self._wanted = sending
            sending.wait(self.deadline_s + GRACE_S)

    def _take_over(self, here: int) -> None:
        """Cut the connection in which another thread hangs.

        That thread closes its session when its call ends; closing a session in use could hang as well.
        """
        if self._user not in (None, here):
            session, self._session, self._user = self._session, None, None
            if session is not None:
                self._cut(session, wait_s=0.01)

    def _connected(self) -> Any:
        """Open a new session."""
        try:
            import pyvisa
        except ImportError as error:
            raise ConnectionFailed(
                "needs PyVISA", device=self.device, action="open", remedy="pip install pyvisa pyvisa-py"
            ) from error
        milliseconds = max(1, round(self.deadline_s * 1000))
        # A virtual instrument does not need the VISA library that the user may have set for real instruments.
        library = "@py" if is_loopback(canonical(self.resource)) else ""
        try:
            manager = pyvisa.ResourceManager(library)
        except Exception as error:  # of PyVISA, of its backend, or of the loader of the library
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise ConnectionFailed(
                f"the VISA library cannot be loaded: {reason}",
                device=self.device,
                action="open",
                remedy=visa_library_remedy(),
            ) from error
        session: Any = None
        try:
            # PyVISA shares one manager per backend across the process: closing it would end all other sessions.
            session = manager.open_resource(self.resource, open_timeout=milliseconds)
            session.timeout = milliseconds
            session.write_termination = "\n"
            session.read_termination = "\n"
        except Exception as error:
            self._discard(session)
            self._fail(error, "open")
        self._no_delay(session)
        return session

    def _connection(self, session: Any) -> socket.socket:
        """The socket of a session. pyvisa-py has no public access to it, so callers must expect any exception."""
        interface = session.visalib.sessions[session.session].interface
        return getattr(interface, "sock", interface)

    def _no_delay(self, session: Any) -> None:
        """Switch off Nagle's algorithm, with which a write followed by a query takes 44 ms on a raw socket.

        pyvisa-py does not do this; other backends do.
        """
        with contextlib.suppress(Exception):
            self._connection(session).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _cut(self, session: Any, *, wait_s: float = 0.0) -> None:
        """Shut down a failed connection, so that closing a dead VXI-11 link does not take another 5 s.

        Parameters
        ----------
        wait_s
            Time between shutdown and close (s). It lets a thread blocked on the socket wake up first: a new socket
            could be given the same file descriptor.
        """
        with contextlib.suppress(Exception):
            connection = self._connection(session)
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            time.sleep(wait_s)
            connection.close()

    def _discard(self, session: Any) -> None:
        """Close a session; never raises."""
        if session is self._session:
            self._session = None
        if session is not None:
            try:
                session.close()
            except Exception:  # PyVISA would close it again when it is collected and when Python ends, and print this
                session.session = None

    def _fail(self, error: Exception, action: str, *, late: bool = False) -> NoReturn:
        """Raise the labrig error for a backend's exception.

        Parameters
        ----------
        late
            Whether the deadline has passed. Backends report that differently; on a silent VXI-11 link it is an I/O
            error.
        """
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
        reason, remedy = self._cause(error)
        raise ConnectionFailed(
            f"cannot be reached at {self.resource}: {reason}", device=self.device, action=action, remedy=remedy
        ) from error

    def _cause(self, error: Exception) -> tuple[str, str]:
        """Description of the problem in one line, and the remedy."""
        reason = " ".join((str(error) or type(error).__name__).splitlines())
        for kind, package in (("USB", "pyusb"), ("GPIB", "gpib-ctypes")):
            if self.resource.upper().startswith(kind) and "nstall" in reason:
                return f"pyvisa-py needs the Python package {package} for it", f"pip install {package}"
        host = host_of(self.resource)
        if host is not None and not resolves(host):
            return f"the host name {host!r} is not known", "correct the name, or write the IP address"
        return reason, "check power, cable and address"
