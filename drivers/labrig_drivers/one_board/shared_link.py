"""One serial port for the source, the digitizer and the programmer of a board.

labrig treats the three as separate instruments and may call them from several threads. The first to be opened opens the
port, and the last to be closed closes it. Only one request is on the line at a time.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from labrig.errors import ConfigError, DeadlineExceeded, LabrigError
from labrig.instruments.addresses import canonical
from labrig_drivers.digipot_bank.frames import Reply
from labrig_drivers.digipot_bank.link import HELLO_S, Link
from labrig_drivers.one_board.frames import BoardOp

TURN_S = HELLO_S + 1.0
"""Longest wait for a request of another instrument to end (s): a HELLO, and the wait for its last reply."""

LET_PASS_S = 2e-3
"""Time for which a thread that waits for scans leaves the line to requests (s)."""

_MOST_BLOCKS = 1 << 16


class StreamLink(Link):
    """A link on which the board also sends blocks of scans, which answer no request."""

    def __init__(self, name: str, resource: str, baud: int) -> None:
        super().__init__(name, resource, baud)
        self.blocks: deque[Reply] = deque(maxlen=_MOST_BLOCKS)

    def receive_blocks(self, count: int, wait_s: float) -> None:
        """Read up to `count` bytes, and keep the blocks that they complete. Raises ConnectionFailed."""
        if self._port is None:
            return
        try:
            received = self._read(count, wait_s)
        except self._port_errors as error:
            self._lost("read", error)
        for reply in self._replies(received):
            self._unasked(reply)

    def _read(self, count: int, wait_s: float) -> bytes:
        """Read `count` bytes and whatever else has arrived: blocks may be on the line before a reply."""
        received = super()._read(count, wait_s)
        if waiting := self._port.in_waiting:
            received += self._port.read(waiting)
        return received

    def _unasked(self, reply: Reply) -> None:
        if reply.op == BoardOp.SCANS | 0x80:
            self.blocks.append(reply)


class Board:
    """A board and its port, as its instruments share them.

    Attributes
    ----------
    key : str
        The port, as it was named when the board was first opened.
    baud : int
        Baud rate of the port.
    period : int
        Cycles between two scans, once the digitizer was configured; 0 before.
    requests : set
        Requests that wait for the line, or are on it. A thread that waits for scans lets them go first.
    """

    def __init__(self, key: str, baud: int, link: StreamLink) -> None:
        self.key = key
        self.baud = baud
        self.link = link
        self.period = 0
        self.users: set[object] = set()
        self.requests: set[object] = set()
        self._turn = threading.RLock()

    @contextmanager
    def turn(self, name: str, action: str) -> Iterator[StreamLink]:
        """Context in which the line belongs to one instrument; errors carry its name."""
        if not self._turn.acquire(timeout=TURN_S):
            raise DeadlineExceeded(
                "another request to this board does not end; replug the board",
                device=name,
                action=action,
                limit=f"{TURN_S:g} s",
            )
        try:
            yield self.link
        except LabrigError as error:
            error.device = name
            raise
        finally:
            self._turn.release()


_boards: dict[str, Board] = {}
_boards_lock = threading.Lock()


class SharedLink:
    """One instrument's share of the link to a board; a `RequestLink`.

    Parameters
    ----------
    name : str
        Name of the instrument.
    resource : str
        The serial port.
    baud : int
        Baud rate.
    """

    def __init__(self, name: str, resource: str, baud: int) -> None:
        self._name = name
        self._resource = resource
        self._baud = baud
        self._joined: Board | None = None

    @property
    def board(self) -> Board | None:
        """The board; None before `open` and after `close`."""
        return self._joined

    @property
    def is_open(self) -> bool:
        """Whether this instrument is connected, and the port is open."""
        return self._joined is not None and self._joined.link.is_open

    @property
    def adapter_serial(self) -> str:
        """Serial number of the port's USB adapter; empty if there is none."""
        return self._link.adapter_serial

    @property
    def silence_s(self) -> float:
        """Time since the last reply to any of the instruments (s)."""
        return self._link.silence_s

    @property
    def last_good(self) -> str:
        """The last reply, for error messages."""
        return self._link.last_good

    def open(self) -> None:
        """Join the board, and open its port if it is closed (opening the port resets an Arduino).

        After an error the instrument is as before: not joined, or joined with the port closed. Raises ConfigError
        if another instrument of the board has another baud rate.
        """
        with _boards_lock:
            joins = self._joined is None
            board = self._joined = self._joined or self._board_to_join()
            board.users.add(self)
        try:
            with board.turn(self._name, "open") as link:
                if not link.is_open:
                    link.open()
        except BaseException:
            if joins:  # otherwise it stays joined: losing the port is not the same as never having been opened
                self.close()
            raise

    def close(self) -> None:
        """Leave the board; the last instrument closes the port. Never raises."""
        with _boards_lock:
            board, self._joined = self._joined, None
            if board is None:
                return
            board.users.discard(self)
            if not board.users:
                _boards.pop(board.key, None)
                board.link.close()

    def lose(self) -> None:
        """Close the port for all instruments of the board, until one of them opens it again; never raises."""
        if self._joined is not None:
            with contextlib.suppress(DeadlineExceeded), self._joined.turn(self._name, "lose") as link:
                link.close()

    def request(self, op: IntEnum, payload: bytes, body: int, *, patience_s: float | None = None) -> Reply:
        """Send a request and wait for its reply, as `Link.request`."""
        if self._joined is None:
            return self._link.request(op, payload, body)  # raises: it is not open
        board, this = self._joined, object()
        board.requests.add(this)
        try:
            with board.turn(self._name, op.name) as link:
                reply = link.request(op, payload, body, patience_s=patience_s)
        finally:
            board.requests.discard(this)
        return reply

    def receive_blocks(self, count: int, wait_s: float) -> list[Reply]:
        """Wait for up to `count` bytes of blocks of scans, and return all blocks that have arrived."""
        if self._joined is None:
            return []
        if self._joined.requests:
            time.sleep(LET_PASS_S)
            return []
        with self._joined.turn(self._name, "read") as link:
            if not link.blocks:
                link.receive_blocks(count, wait_s)
            blocks = list(link.blocks)
            link.blocks.clear()
        return blocks

    def forget_blocks(self) -> None:
        """Discard the blocks that have arrived."""
        if self._joined is not None:
            self._joined.link.blocks.clear()

    def _board_to_join(self) -> Board:
        key = canonical(self._resource)
        board = _boards.get(key)
        if board is None:
            board = _boards[key] = Board(key, self._baud, StreamLink(self._name, self._resource, self._baud))
        elif board.baud != self._baud:
            raise ConfigError(
                f"`baud: {self._baud}` differs from that of another instrument of this board, {board.baud}",
                device=self._name,
                action="open",
                remedy="use the same baud rate for all instruments of a board",
            )
        return board

    @property
    def _link(self) -> StreamLink:
        return self._joined.link if self._joined is not None else StreamLink(self._name, self._resource, self._baud)
