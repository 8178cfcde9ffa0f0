"""The requests to a digital-potentiometer board and their replies; see drivers/firmware/README.md.

Channels are numbered from 0 here. Every request raises ConnectionFailed if the port is lost, DeadlineExceeded if the
board does not answer, and IdentityMismatch if its reply does not match its HELLO.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NoReturn

from labrig.errors import IdentityMismatch
from labrig_drivers.digipot_bank.frames import (
    LEAST_FRAME,
    REPLY_AROUND_BODY,
    VERSION,
    Op,
    Reply,
    Status,
    setpoint_lists,
    table_crc,
)
from labrig_drivers.digipot_bank.link import RequestLink

NO_ANSWER = 0xFFFF  # read instead of a code if a chip does not answer

_ARMED = 1
_STATUS_BODY = 20
_LEAST_MTU = 32  # length of a HELLO reply; with less not even one setpoint would fit


class Interrupted(Exception):
    """The board is no longer in the state in which this driver left it."""


class BoardClient:
    """One board on an open link.

    All requests but `greet` and `make_safe` raise Interrupted if the board has been reset since `greet`, its terminals
    have been opened, or its table is not the one it was sent.

    Attributes
    ----------
    firmware
        Firmware version, from `greet`.
    boot_id
        Number of the board's last start, from `greet`.
    """

    def __init__(self, name: str, link: RequestLink, part: str, highest_code: int, channels: int) -> None:
        self._name = name
        self._link = link
        self._part = part
        self._highest_code = highest_code
        self._channels = channels
        self.boot_id = 0
        self._mtu = 0
        self._staged = False  # whether the board's table is known to be the last one sent
        self.firmware = ""

    def greet(self, patience_s: float) -> None:
        """Send HELLO until it is answered, and compare the board with the configuration.

        The table of codes on the board is unknown afterwards.

        Parameters
        ----------
        patience_s
            Time after which to give up (s).

        Raises
        ------
        IdentityMismatch
            If this is not the board of the configuration.
        """
        self._staged = False
        part = self._part.encode()
        reply = self._link.request(Op.HELLO, b"", 10 + len(part), patience_s=patience_s)
        body = reply.body
        if len(body) < 10 or len(body) < 10 + body[9] or int.from_bytes(body[7:9], "little") < _LEAST_MTU:
            self._refused(Op.HELLO, reply)
        found = body[10 : 10 + body[9]].decode("ascii", "replace")
        channels, highest, mtu = body[4], int.from_bytes(body[5:7], "little"), int.from_bytes(body[7:9], "little")
        for what, here, there, remedy in (
            (
                "protocol version",
                VERSION,
                VERSION if body[0] <= VERSION <= body[1] else f"{body[0]} to {body[1]}",
                "flash the firmware of this labrig version",
            ),
            ("part", self._part, found, "correct `chips:`, or build the firmware with PART="),
            ("number of channels", self._channels, channels, "correct `chips:`, or build the firmware with CHANNELS="),
            ("highest code", self._highest_code, highest, "build the firmware with HIGHEST_CODE="),
        ):
            if here != there:
                raise IdentityMismatch(
                    f"the {what} is {there} on the board, but {here} in the configuration",
                    device=self._name,
                    action="HELLO",
                    last_good=self._link.last_good,
                    remedy=remedy,
                )
        self.boot_id = reply.boot_id
        self._mtu = mtu
        self.firmware = str(body[2])

    def arm(self, watchdog_ms: int) -> frozenset[int]:
        """Connect the terminals and set the watchdog (ms, 0 is off); returns the channels that failed."""
        reply = self._ask(Op.ARM, watchdog_ms.to_bytes(2, "little"), 1)
        return self._failed(Op.ARM, reply, reply.body)

    def require_armed(self) -> None:
        """Feed the watchdog; raises Interrupted if the terminals are open."""
        state = self._ask(Op.STATUS, body=_STATUS_BODY).body[0]
        if state != _ARMED:
            raise Interrupted(_disarmed(state))

    def make_safe(self, patience_s: float | None = None) -> frozenset[int]:
        """Open the terminals, even if the board was reset; returns the channels that failed.

        Parameters
        ----------
        patience_s
            Time after which to give up (s), as for `RequestLink.request`.
        """
        reply = self._link.request(Op.SAFE, b"", 1, patience_s=patience_s)
        if not reply.body:
            self._refused(Op.SAFE, reply)
        return self._failed(Op.SAFE, reply, reply.body)

    def stage(self, table: Sequence[int]) -> None:
        """Send the whole table of codes to the board's memory; no wiper moves."""
        for entries in setpoint_lists(table, range(len(table)), self._room):
            self._ask(Op.STAGE, entries, 1)
        self._staged = True

    def commit(self, table: Sequence[int]) -> frozenset[int]:
        """Write the staged table, which must equal `table`, to the chips; returns the channels that failed."""
        reply = self._ask(Op.COMMIT, table_crc(table).to_bytes(2, "little"), 2)
        return self._failed(Op.COMMIT, reply, reply.body[1:])

    def change(self, table: Sequence[int], changed: Iterable[int]) -> frozenset[int]:
        """Write to the chips a table that differs from the staged one in some channels, in one frame if these fit.

        Parameters
        ----------
        table
            Code of every channel.
        changed
            Channels whose code differs from the staged table.

        Returns
        -------
        frozenset of int
            The channels that failed.
        """
        *before, last = setpoint_lists(table, changed if self._staged else range(len(table)), self._room)
        # After an interruption of any kind the board may have either table.
        self._staged = False
        for entries in before:
            self._ask(Op.STAGE, entries, 1)
        reply = self._ask(Op.STAGE_COMMIT, table_crc(table).to_bytes(2, "little") + last, 2)
        self._staged = True
        return self._failed(Op.STAGE_COMMIT, reply, reply.body[1:])

    def read(self, indices: Sequence[int]) -> dict[int, int]:
        """Codes of all channels from the lowest to the highest index; NO_ANSWER if a chip does not answer."""
        held: list[int] = []
        first, end = min(indices), max(indices) + 1
        most = (self._mtu - REPLY_AROUND_BODY) // 2
        for start in range(first, end, most):
            count = min(most, end - start)
            body = self._ask(Op.READ, bytes((start, count)), 2 * count).body
            held += (int.from_bytes(body[2 * i : 2 * i + 2], "little") for i in range(count))
        return dict(zip(range(first, end), held, strict=True))

    @property
    def _room(self) -> int:
        """Bytes left for a setpoint list in a frame with the CRC of the table."""
        return self._mtu - LEAST_FRAME - 2

    def _ask(self, op: Op, payload: bytes = b"", body: int = 0) -> Reply:
        """Send a request and check that the reply is from the same boot, successful and long enough."""
        reply = self._link.request(op, payload, body)
        if reply.boot_id != self.boot_id:
            raise Interrupted(f"the board was reset (boot {self.boot_id} became {reply.boot_id})")
        if reply.status == Status.NOT_ARMED:
            raise Interrupted(_disarmed(reply.body[0] if reply.body else 0))
        if reply.status == Status.TABLE_MISMATCH:
            raise Interrupted("the board's table is not the one it was sent")
        if reply.status not in (Status.OK, Status.VERIFY_FAILED) or len(reply.body) < body:
            self._refused(op, reply)
        return reply

    def _failed(self, op: Op, reply: Reply, counted: bytes) -> frozenset[int]:
        """Return the channels listed in `counted`, whose layout is `bad u8, channel u8 × bad`."""
        channels = counted[1 : 1 + counted[0]]
        if len(channels) < counted[0] or any(channel >= self._channels for channel in channels):
            self._refused(op, reply)
        return frozenset(channels)

    def _refused(self, op: Op, reply: Reply) -> NoReturn:
        status = Status(reply.status).name if reply.status in set(Status) else f"status {reply.status}"
        raise IdentityMismatch(
            f"the board answered {op.name} with {status} {reply.body.hex(' ')}".rstrip() + ", "
            "which does not match its HELLO",
            device=self._name,
            action=op.name,
            remedy="flash the firmware of this labrig version",
        )


def _disarmed(state: int) -> str:
    return "the board's watchdog expired" if state == 2 else "the board's terminals were opened by another program"
