"""What a digital-potentiometer board is told and what it answers, request by request. drivers/firmware/README.md.

Channels are numbers from 0 here. Every request raises ConnectionFailed where the port is lost, DeadlineExceeded where
the board does not answer, and IdentityMismatch where it answers what its HELLO does not lead to expect.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NoReturn

from labrig.errors import IdentityMismatch
from labrig_drivers.digipot_bank.link import (
    LEAST_FRAME,
    REPLY_AROUND_BODY,
    VERSION,
    Link,
    Op,
    Reply,
    Status,
    setpoint_lists,
    table_crc,
)

NO_ANSWER = 0xFFFF  # read in place of a code where a chip is silent

_ARMED = 1
_STATUS_BODY = 20
_LEAST_MTU = 32  # what one HELLO takes; with less not even one setpoint would fit


class Interrupted(Exception):
    """The board is in another state than this driver has left it in."""


class BoardClient:
    """One board behind an open link, from its HELLO on.

    Everything but `greet` and `make_safe` raises Interrupted where the board was reset since, its terminals were
    opened, or it holds another table than it was given.

    firmware, boot_id: its version and the number of its last start, as `greet` found them.
    """

    def __init__(self, name: str, link: Link, part: str, highest_code: int, channels: int) -> None:
        self._name = name
        self._link = link
        self._part = part
        self._highest_code = highest_code
        self._channels = channels
        self.boot_id = 0
        self._mtu = 0
        self._staged = False  # whether the board's table is known to be the last one it was given
        self.firmware = ""

    def greet(self, patience_s: float) -> None:
        """HELLO, asked until `patience_s` is over; IdentityMismatch where this is not the board of the configuration.

        What table it holds is then unknown.
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
                "flash the firmware that came with this labrig",
            ),
            ("part", self._part, found, "correct `chips:`, or build the firmware with PART="),
            ("number of channels", self._channels, channels, "correct `chips:`, or build the firmware with CHANNELS="),
            ("highest code", self._highest_code, highest, "build the firmware with HIGHEST_CODE="),
        ):
            if here != there:
                raise IdentityMismatch(
                    f"the {what} is {there} on the board and {here} here",
                    device=self._name,
                    action="HELLO",
                    last_good=self._link.last_good,
                    remedy=remedy,
                )
        self.boot_id = reply.boot_id
        self._mtu = mtu
        self.firmware = str(body[2])

    def arm(self, watchdog_ms: int) -> frozenset[int]:
        """Connect the terminals; the channels that did not obey. watchdog_ms: 0 is none."""
        return _channels(self._ask(Op.ARM, watchdog_ms.to_bytes(2, "little"), 1).body)

    def require_armed(self) -> None:
        """Feed the watchdog; Interrupted where the terminals are open."""
        state = self._ask(Op.STATUS, body=_STATUS_BODY).body[0]
        if state != _ARMED:
            raise Interrupted(_disarmed(state))

    def make_safe(self) -> frozenset[int]:
        """Open the terminals, whatever has become of the board; the channels that did not obey."""
        reply = self._link.request(Op.SAFE, b"", 1)
        if not reply.body:
            self._refused(Op.SAFE, reply)
        return _channels(reply.body)

    def stage(self, table: Sequence[int]) -> None:
        """Put the whole table of codes into the board's memory; no wiper moves."""
        for entries in setpoint_lists(table, range(len(table)), self._room):
            self._ask(Op.STAGE, entries, 1)
        self._staged = True

    def commit(self, table: Sequence[int]) -> frozenset[int]:
        """Bring the chips to the staged table, which must be this one; the channels that did not obey."""
        return _channels(self._ask(Op.COMMIT, table_crc(table).to_bytes(2, "little"), 2).body[1:])

    def change(self, table: Sequence[int], changed: Iterable[int]) -> frozenset[int]:
        """Bring the chips to `table`, which differs from the staged one in the channels `changed`, in one frame if it
        fits; the channels that did not obey."""
        *before, last = setpoint_lists(table, changed if self._staged else range(len(table)), self._room)
        # An interruption, of whatever kind, leaves a board that holds nobody knows which of the two.
        self._staged = False
        for entries in before:
            self._ask(Op.STAGE, entries, 1)
        reply = self._ask(Op.STAGE_COMMIT, table_crc(table).to_bytes(2, "little") + last, 2)
        self._staged = True
        return _channels(reply.body[1:])

    def read(self, indices: Sequence[int]) -> dict[int, int]:
        """Codes of all channels from the lowest to the highest index; NO_ANSWER where a chip is silent."""
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
        """Bytes for a setpoint list in one frame, beside the CRC of the table."""
        return self._mtu - LEAST_FRAME - 2

    def _ask(self, op: Op, payload: bytes = b"", body: int = 0) -> Reply:
        """A reply that can be used: of the same boot, done, and as long as it has to be."""
        reply = self._link.request(op, payload, body)
        if reply.boot_id != self.boot_id:
            raise Interrupted(f"the board was reset (boot {self.boot_id} became {reply.boot_id})")
        if reply.status == Status.NOT_ARMED:
            raise Interrupted(_disarmed(reply.body[0] if reply.body else 0))
        if reply.status == Status.TABLE_MISMATCH:
            raise Interrupted("the board holds another table than it was given")
        if reply.status not in (Status.OK, Status.VERIFY_FAILED) or len(reply.body) < body:
            self._refused(op, reply)
        return reply

    def _refused(self, op: Op, reply: Reply) -> NoReturn:
        status = Status(reply.status).name if reply.status in set(Status) else f"status {reply.status}"
        raise IdentityMismatch(
            f"the board answered {op.name} with {status} {reply.body.hex(' ')}".rstrip() + ", "
            "which its HELLO does not lead to expect",
            device=self._name,
            action=op.name,
            remedy="flash the firmware that came with this labrig",
        )


def _disarmed(state: int) -> str:
    return "the board's watchdog ran out" if state == 2 else "the board's terminals were opened by somebody else"


def _channels(counted: bytes) -> frozenset[int]:
    """The channels of `bad u8, channel u8 × bad`."""
    return frozenset(counted[1 : 1 + counted[0]])
