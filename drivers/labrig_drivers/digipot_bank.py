"""labrig's bank of digital potentiometers: up to 128 rheostats behind an Arduino. drivers/firmware/README.md.

The host keeps the whole table of codes. `program` sends what changed and the CRC of the whole table in one frame; the
board moves nothing unless it holds the same table, and reads back every channel.

Nothing is sent of the driver's own accord: the line is silent while a window integrates. So a watchdog must be longer
than the longest pause between calls; `keep_alive` feeds it between two windows.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

from labrig.errors import (
    ChannelFault,
    ConnectionFailed,
    DeadlineExceeded,
    IdentityMismatch,
    LabrigError,
    LimitExceeded,
)
from labrig.instruments.data import Continuous, Identity, Level, LevelTable, ProgramReport, Setting
from labrig.instruments.drivers import DriverInfo
from labrig.instruments.potentiometers import Potentiometer
from labrig_drivers.digipot_link import (
    HELLO_S,
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
from labrig_drivers.digipot_options import DigipotBankOptions, capabilities

MODEL = "labrig digipot bank"
NO_ANSWER = 0xFFFF
ARMED = 1

_STATUS_BODY = 20
_LEAST_MTU = 32  # what one HELLO takes; with less not even one setpoint would fit


class DigipotBank:
    """A ConductanceProgrammer.

    When the board was reset, its watchdog ran out, or the port was lost, `program`, `read_back` and `keep_alive` bring
    back the whole table, verify it and go on. What was measured since the call before is then invalid:

    interrupted: True when that has happened since the last call of `program` but one returned; look after `program`.
    recoveries: how often it has happened.

    Every call ends within `recovery_s` and about 3 s more; most errors come after 1.3 s.
    """

    recovery_s = 10.0

    def __init__(self, name: str, options: DigipotBankOptions) -> None:
        able = capabilities(options)
        self._name = name
        self._options = options
        self._part: Potentiometer = able.part
        self._channels = able.channels
        self._index = {channel: index for index, channel in enumerate(self._channels)}
        self._watchdog_ms = round(1e3 * options.watchdog)
        self._link = Link(name, options.resource, options.baud)
        self._opened = False
        self._armed = False  # whether terminals may be connected
        self._boot_id = 0
        self._mtu = 0
        self._firmware = ""
        self._table: list[int] = []  # what every channel should hold
        self._staged = False  # whether the board's table is known to be this one
        self._disobedient: frozenset[int] = frozenset()  # channels that hold another code than the table
        self._detached: frozenset[int] = frozenset()  # channels whose terminals ARM could not connect
        self._seen = 0  # recoveries when `program` last returned
        self.recoveries = 0
        self.interrupted = False

    def open(self) -> None:
        """Connect, compare the board with the configuration, take over the codes it holds, connect the terminals.

        Raises ConnectionFailed, DeadlineExceeded after 3 s of HELLO, IdentityMismatch, and ChannelFault where a chip
        does not answer or a terminal cannot be connected. The board is then left safe and the port closed.
        """
        if self._opened:
            return
        try:
            self._link.open()
            self._take_over()
        except BaseException:
            self.close()
            raise
        self._opened = True

    def identify(self) -> Identity:
        """The serial number is that of the USB adapter, where there is one: the board has none of its own."""
        self._require_open("identify")
        return Identity(MODEL, _usb_serial(self._options.resource), self._firmware)

    def levels(self) -> dict[str, LevelTable | Continuous]:
        """Nominal conductances of the part, for every channel."""
        table = self._part.levels()
        return dict.fromkeys(self._channels, table)

    def program(self, settings: Mapping[str, Setting]) -> ProgramReport:
        """Write the codes that changed, in one frame, and report what the board read back.

        One frame is sent even if nothing changed: it compares all chips with the table and tells whether the board was
        reset. After `make_safe` terminals are connected again. `faulty` names every channel of the bank that does not
        hold its code. Raises LimitExceeded for what the bank cannot do, before anything is sent; ConnectionFailed or
        DeadlineExceeded when the bank cannot be brought back within `recovery_s`.
        """
        codes = {
            self._checked(channel, "program"): self._code(channel, setting) for channel, setting in settings.items()
        }
        self._require_open("program")
        target = list(self._table)
        for index, code in codes.items():
            target[index] = code
        faulty = self._disobedient | self._detached
        changed = [index for index, code in codes.items() if code != self._table[index] or index in faulty]
        try:
            if not self._armed:
                self._detached = self._arm()
            self._commit(target, changed)
            held = self._held(changed)
        except (_Interrupted, ConnectionFailed, DeadlineExceeded) as cause:
            held = dict(enumerate(self._recover("program", target, cause)))
        self.interrupted = self.recoveries != self._seen
        self._seen = self.recoveries
        faulty = self._disobedient | self._detached
        return ProgramReport(
            written=tuple(self._channels[index] for index in changed),
            verified=tuple(self._channels[index] for index in changed if index not in faulty),
            faulty=tuple(self._channels[index] for index in sorted(faulty)),
            read_back={self._channels[index]: Level(held[index]) for index in changed if held[index] != NO_ANSWER},
            interrupted=self.interrupted,
        )

    def read_back(self, channels: Iterable[str]) -> dict[str, Setting]:
        """The codes the chips hold. Raises ChannelFault where a chip does not answer."""
        wanted = [self._checked(channel, "read back") for channel in channels]
        self._require_open("read back")
        if not wanted:
            return {}
        try:
            held = self._read(wanted)
        except (_Interrupted, ConnectionFailed, DeadlineExceeded) as cause:
            held = dict(enumerate(self._recover("read back", self._table, cause)))
        self._require_answers((index for index in wanted if held[index] == NO_ANSWER), "read back")
        return {self._channels[index]: Level(held[index]) for index in wanted}

    def keep_alive(self) -> None:
        """Feed the watchdog when a third of its time has passed since the last reply; nothing where there is none.

        To be called between two windows, never within one.
        """
        self._require_open("keep alive")
        if not self._armed or not self._watchdog_ms or self._link.silence_s < self._options.watchdog / 3:
            return
        try:
            body = self._ask(Op.STATUS, body=_STATUS_BODY).body
            if body[0] != ARMED:
                raise _Interrupted(_disarmed(body[0]))
        except (_Interrupted, ConnectionFailed, DeadlineExceeded) as cause:
            self._recover("keep alive", self._table, cause)

    def make_safe(self) -> None:
        """Open all terminals. Nothing to do before `open` or after it failed.

        Raises ChannelFault where terminals stayed connected; ConnectionFailed or, after 1.3 s, DeadlineExceeded where
        the board could not be told: then its watchdog or its power must do it.
        """
        if not self._opened:
            return
        self._armed = False
        try:
            if not self._link.is_open:
                self._link.open()
            reply = self._link.request(Op.SAFE, b"", 1)
        except (ConnectionFailed, DeadlineExceeded) as failure:
            if self._watchdog_ms:
                remedy = f"its watchdog opens them after {self._options.watchdog:g} s; or switch off the board's supply"
            else:
                remedy = "it has no watchdog: switch off the board's supply"
            message = f"the terminals may still be connected: {failure.message}"
            raise self._error(type(failure), message, "make safe", remedy, failure.limit) from failure
        connected = _named_channels(reply.body)
        if connected:
            raise self._error(
                ChannelFault,
                f"the terminals of {self._names(connected)} stay connected",
                "make safe",
                "check these chips and their select lines",
            )

    def close(self) -> None:
        """Open the terminals if `make_safe` did not, and let go of the port; never raises."""
        try:
            if self._armed and self._link.is_open:
                with contextlib.suppress(ConnectionFailed, DeadlineExceeded, IdentityMismatch):
                    self._link.request(Op.SAFE, b"", 1)
        finally:
            self._armed = self._opened = False
            self._link.close()

    # What the board is told

    def _take_over(self) -> None:
        """From HELLO to terminals connected, with the codes the chips hold."""
        cause: Exception | None = None
        for _ in range(3):  # a board may be reset a moment after its port was opened
            self._greet(HELLO_S)
            try:
                held = self._read(range(len(self._channels)))
                self._require_answers((index for index, code in held.items() if code == NO_ANSWER), "open")
                self._table = [held[index] for index in range(len(self._channels))]
                self._stage(self._table)
                detached = self._arm()
            except (_Interrupted, DeadlineExceeded) as interruption:
                cause = interruption
                continue
            if detached:
                raise self._error(
                    ChannelFault,
                    f"the terminals of {self._names(detached)} cannot be connected",
                    "open",
                    "check these chips and their select lines",
                )
            self._disobedient = self._detached = frozenset()
            return
        raise self._error(
            ConnectionFailed,
            f"the board does not stay up: {cause}",
            "open",
            "check its supply and whether another program resets it",
        ) from cause

    def _greet(self, patience_s: float) -> None:
        """HELLO, and whether this is the board of the configuration."""
        part = self._part.part.encode()
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
            ("part", self._part.part, found, "correct `chips:`, or build the firmware with PART="),
            (
                "number of channels",
                len(self._channels),
                channels,
                "correct `chips:`, or build the firmware with CHANNELS=",
            ),
            ("highest code", self._part.highest_code, highest, "build the firmware with HIGHEST_CODE="),
        ):
            if here != there:
                raise self._error(
                    IdentityMismatch, f"the {what} is {there} on the board and {here} here", "HELLO", remedy
                )
        self._boot_id = reply.boot_id
        self._mtu = mtu
        self._firmware = str(body[2])

    def _ask(self, op: Op, payload: bytes = b"", body: int = 0) -> Reply:
        """A reply that can be used: of the same boot, done, and as long as it has to be."""
        reply = self._link.request(op, payload, body)
        if reply.boot_id != self._boot_id:
            raise _Interrupted(f"the board was reset (boot {self._boot_id} became {reply.boot_id})")
        if reply.status == Status.NOT_ARMED:
            raise _Interrupted(_disarmed(reply.body[0] if reply.body else 0))
        if reply.status == Status.TABLE_MISMATCH:
            raise _Interrupted("the board holds another table than it was given")
        if reply.status not in (Status.OK, Status.VERIFY_FAILED) or len(reply.body) < body:
            self._refused(op, reply)
        return reply

    def _arm(self) -> frozenset[int]:
        """Connect the terminals; the channels that did not obey."""
        self._armed = True
        return _named_channels(self._ask(Op.ARM, self._watchdog_ms.to_bytes(2, "little"), 1).body)

    def _stage(self, target: Sequence[int]) -> None:
        """Put the whole table into the board's memory."""
        for entries in setpoint_lists(target, range(len(target)), self._room):
            self._ask(Op.STAGE, entries, 1)
        self._staged = True

    def _commit(self, target: list[int], changed: Iterable[int]) -> None:
        """Bring the chips to `target`, which differs from the table in the channels `changed`."""
        *before, last = setpoint_lists(target, changed if self._staged else range(len(target)), self._room)
        # An interruption, of whatever kind, leaves a board that holds nobody knows which of the two.
        self._staged = False
        for entries in before:
            self._ask(Op.STAGE, entries, 1)
        self._conclude(target, self._ask(Op.STAGE_COMMIT, table_crc(target).to_bytes(2, "little") + last, 2))

    def _conclude(self, target: Sequence[int], reply: Reply) -> None:
        self._table = list(target)
        self._staged = True
        self._disobedient = _named_channels(reply.body[1:])

    @property
    def _room(self) -> int:
        """Bytes for a setpoint list in one frame, beside the CRC of the table."""
        return self._mtu - LEAST_FRAME - 2

    def _read(self, indices: Sequence[int]) -> dict[int, int]:
        """Codes of all channels from the lowest to the highest index."""
        held: list[int] = []
        first, end = min(indices), max(indices) + 1
        most = (self._mtu - REPLY_AROUND_BODY) // 2
        for start in range(first, end, most):
            count = min(most, end - start)
            body = self._ask(Op.READ, bytes((start, count)), 2 * count).body
            held += (int.from_bytes(body[2 * i : 2 * i + 2], "little") for i in range(count))
        return dict(zip(range(first, end), held, strict=True))

    def _held(self, changed: Sequence[int]) -> dict[int, int]:
        """What the changed channels hold after a commit: as the board has verified it, or read where it has not."""
        held = {index: self._table[index] for index in changed}
        doubtful = changed if self._options.verify == "read" else [i for i in changed if i in self._disobedient]
        if doubtful:
            held |= self._read(doubtful)
            self._disobedient |= {index for index in doubtful if held[index] != self._table[index]}
        return held

    # After a reset, a trip or a lost port

    def _recover(self, action: str, target: Sequence[int], cause: Exception) -> list[int]:
        """Bring the bank back to `target`; what every channel holds. The terminals are connected if they were."""
        deadline = time.monotonic() + self.recovery_s
        self._staged = False
        self.interrupted = True
        while True:
            try:
                held = self._restore(target, deadline)
            except (_Interrupted, ConnectionFailed, DeadlineExceeded) as failure:
                if isinstance(failure, DeadlineExceeded):
                    self._link.close()  # a port that is open and dumb may be one that was plugged in again elsewhere
                if time.monotonic() >= deadline:
                    self._unrecoverable(action, cause, failure)
                time.sleep(0.05)
            else:
                self.recoveries += 1
                self._disobedient = frozenset(i for i, code in enumerate(target) if held[i] != code)
                return held

    def _restore(self, target: Sequence[int], deadline: float) -> list[int]:
        if not self._link.is_open:
            self._link.open()
        self._greet(min(HELLO_S, max(deadline - time.monotonic(), 0.0)))
        self._stage(target)
        if self._armed:
            self._detached = self._arm()
            self._conclude(target, self._ask(Op.COMMIT, table_crc(target).to_bytes(2, "little"), 2))
        held = self._read(range(len(target)))
        return [held[index] for index in range(len(target))]

    def _unrecoverable(self, action: str, cause: Exception, failure: Exception) -> NoReturn:
        kind = DeadlineExceeded if isinstance(failure, DeadlineExceeded) else ConnectionFailed
        first = cause.message if isinstance(cause, ConnectionFailed | DeadlineExceeded) else str(cause)
        then = failure.message if isinstance(failure, ConnectionFailed | DeadlineExceeded) else str(failure)
        if isinstance(failure, _Interrupted) and self._watchdog_ms:
            remedy = f"check its supply; a watchdog of {self._options.watchdog:g} s may be too short"
        else:
            remedy = "check the cable, the board's power and its port, then open it again"
        raise self._error(
            kind,
            f"{first}, and the bank could not be brought back: {then}",
            action,
            remedy,
            f"{self.recovery_s:g} s for the recovery",
        ) from failure

    # What is refused

    def _checked(self, channel: str, action: str) -> int:
        index = self._index.get(channel)
        if index is None:
            raise LimitExceeded(
                f"has no channel {channel!r}", device=self._name, action=action, limit=f"0 to {self._channels[-1]}"
            )
        return index

    def _code(self, channel: str, setting: Setting) -> int:
        if not isinstance(setting, Level):
            raise LimitExceeded(
                f"channel {channel} takes a Level, not a conductance", device=self._name, action="program"
            )
        if not 0 <= setting.code <= self._part.highest_code:
            raise LimitExceeded(
                f"channel {channel} has no code {setting.code}",
                device=self._name,
                action="program",
                limit=f"0 to {self._part.highest_code}",
            )
        return int(setting.code)

    def _require_open(self, action: str) -> None:
        if not self._opened:
            raise ConnectionFailed("is not open", device=self._name, action=action, remedy="call open() first")

    def _require_answers(self, silent: Iterable[int], action: str) -> None:
        channels = sorted(silent)
        if channels:
            raise self._error(
                ChannelFault,
                f"the chips of {self._names(channels)} do not answer",
                action,
                "check their supply, select lines and SDO, or `chips:`",
            )

    def _refused(self, op: Op, reply: Reply) -> NoReturn:
        status = Status(reply.status).name if reply.status in set(Status) else f"status {reply.status}"
        raise IdentityMismatch(
            f"the board answered {op.name} with {status} and {reply.body.hex(' ') or 'nothing'}, "
            "which its HELLO does not lead to expect",
            device=self._name,
            action=op.name,
            remedy="flash the firmware that came with this labrig",
        )

    def _error(
        self, kind: type[LabrigError], message: str, action: str, remedy: str | None = None, limit: str | None = None
    ) -> LabrigError:
        return kind(
            message,
            device=self._name,
            action=action,
            limit=limit,
            last_good=self._link.last_good,
            remedy=remedy,
        )

    def _names(self, indices: Iterable[int]) -> str:
        return "channels " + ", ".join(self._channels[index] for index in sorted(indices))


class _Interrupted(Exception):
    """The board is in another state than this driver has left it in."""


def _disarmed(state: int) -> str:
    return "the board's watchdog ran out" if state == 2 else "the board's terminals were opened by somebody else"


def _named_channels(counted: bytes) -> frozenset[int]:
    """The channels of `bad u8, channel u8 × bad`."""
    return frozenset(counted[1 : 1 + counted[0]])


def _usb_serial(resource: str) -> str:
    """Serial number of the USB adapter behind a port, empty where there is none."""
    import os

    with contextlib.suppress(Exception):  # a convenience of pyserial that not every system has
        from serial.tools import list_ports

        device = os.path.realpath(resource)
        return next((port.serial_number or "" for port in list_ports.comports() if port.device == device), "")
    return ""


def _bank(name: str, options: DigipotBankOptions) -> DigipotBank:
    return DigipotBank(name, options)


DRIVERS = (
    DriverInfo(
        "labrig.digipot_bank",
        "programmer",
        DigipotBankOptions,
        capabilities,
        _bank,
        models={MODEL: "never run on hardware"},
        virtual="digipot",
    ),
)
