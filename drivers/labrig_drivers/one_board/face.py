"""The common parts of the source and the digitizer of a board: the link, the greeting, and requests."""

from __future__ import annotations

from enum import IntEnum

from labrig.errors import ConnectionFailed, IdentityMismatch
from labrig.instruments.data import Identity
from labrig_drivers.digipot_bank.frames import Op, Reply, Status
from labrig_drivers.digipot_bank.link import HELLO_S
from labrig_drivers.one_board.frames import Facts
from labrig_drivers.one_board.options import MODEL, OneBoardOptions
from labrig_drivers.one_board.shared_link import Board, SharedLink


class Face:
    """One instrument of a board.

    Parameters
    ----------
    name : str
        Name of the instrument.
    options : OneBoardOptions
        Its options.
    what : str
        Which number of the board is compared with the options: "sources" or "inputs".
    count : int
        That number in the options.
    """

    def __init__(self, name: str, options: OneBoardOptions, what: str, count: int) -> None:
        self.name = name
        self.link = SharedLink(name, options.resource, options.baud)
        self._what, self._count = what, count
        self._firmware = ""

    @property
    def board(self) -> Board:
        """The board. Raises ConnectionFailed before `open`."""
        if self.link.board is None or not self._firmware:
            raise self.failed("is not open", "use", "call open() first")
        return self.link.board

    def open(self) -> Facts:
        """Connect and compare the board with the options. After an error the instrument is as before.

        Raises
        ------
        ConnectionFailed, DeadlineExceeded
            If the port cannot be opened, or HELLO is not answered within 3 s.
        IdentityMismatch
            If the board does not match the options.
        """
        was_open = bool(self._firmware)
        try:
            self.link.open()
            reply = self.link.request(Op.HELLO, b"", 24, patience_s=HELLO_S)
            facts = Facts.read(reply.body)
            if facts is None:
                raise IdentityMismatch(
                    "is a bank of potentiometers without converters",
                    device=self.name,
                    action="HELLO",
                    remedy="flash the firmware of the one-board bench (make flash BOARD=1)",
                )
            there = getattr(facts, self._what)
            if there != self._count:
                raise IdentityMismatch(
                    f"the number of {self._what} is {there} on the board, but {self._count} in the configuration",
                    device=self.name,
                    action="HELLO",
                    last_good=self.link.last_good,
                    remedy=f"correct `{self._what}:`, or build the firmware with {self._what.upper()}=",
                )
            self._firmware = str(reply.body[2])
        except BaseException:
            if not was_open:  # otherwise its outputs may still be on, so it must not look safe
                self.close()
            raise
        return facts

    def identify(self) -> Identity:
        """Model, serial number of the USB adapter (the board has none of its own) and firmware version."""
        _ = self.board
        return Identity(MODEL, self.link.adapter_serial, self._firmware)

    def close(self) -> None:
        """Disconnect; never raises."""
        self._firmware = ""
        self.link.close()

    def ask(self, op: IntEnum, payload: bytes, body: int, action: str, patience_s: float | None = None) -> Reply:
        """Send a request; raises ConnectionFailed if the board refuses it."""
        reply = self.link.request(op, payload, body, patience_s=patience_s)
        if reply.status != Status.OK or len(reply.body) < body:
            what = f"the board refused {op.name}: {_status(reply)} {reply.body.hex(' ')}".rstrip()
            raise self.failed(what, action, "flash the firmware of this labrig version")
        return reply

    def try_again(self) -> None:
        """Open the port again if it was lost. Raises ConnectionFailed."""
        if not self.link.is_open:
            self.link.open()

    def failed(self, message: str, action: str, remedy: str | None = None) -> ConnectionFailed:
        """An error of this instrument."""
        return ConnectionFailed(message, device=self.name, action=action, last_good=self.link.last_good, remedy=remedy)


def _status(reply: Reply) -> str:
    return Status(reply.status).name if reply.status in set(Status) else f"status {reply.status}"
