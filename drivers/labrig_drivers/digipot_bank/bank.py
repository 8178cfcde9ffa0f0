"""labrig's bank of digital potentiometers: up to 128 rheostats behind an Arduino. drivers/firmware/README.md.

The host keeps the whole table of codes. `program` sends what changed and the CRC of the whole table in one frame; the
board moves nothing unless it holds the same table, and reads back every channel.

Nothing is sent of the driver's own accord: the line is silent while a window integrates. So a watchdog must be longer
than an acquisition; `keep_alive` feeds it between two of them.
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
from labrig_drivers.digipot_bank.board import NO_ANSWER, BoardClient, Interrupted
from labrig_drivers.digipot_bank.link import HELLO_S, Link
from labrig_drivers.digipot_bank.options import DigipotBankOptions, capabilities

MODEL = "labrig digipot bank"


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
        table = able.part.levels()
        assert isinstance(table, LevelTable)  # every part that the firmware knows has codes
        self._levels = table
        self._channels = able.channels
        self._index = {channel: index for index, channel in enumerate(self._channels)}
        self._watchdog_ms = round(1e3 * options.watchdog)
        self._link = Link(name, options.resource, options.baud)
        self._board = BoardClient(name, self._link, able.part.name, table.highest_code, len(able.channels))
        self._opened = False
        self._armed = False  # whether terminals may be connected
        self._table: list[int] = []  # what every channel should hold
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
        return Identity(MODEL, self._link.adapter_serial, self._board.firmware)

    def levels(self) -> dict[str, LevelTable | Continuous]:
        """Nominal conductances of the part, for every channel."""
        return dict.fromkeys(self._channels, self._levels)

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
            self._disobedient = self._board.change(target, changed)
            self._table = target
            held = self._held(changed)
        except (Interrupted, ConnectionFailed, DeadlineExceeded) as cause:
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
            held = self._board.read(wanted)
        except (Interrupted, ConnectionFailed, DeadlineExceeded) as cause:
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
            self._board.require_armed()
        except (Interrupted, ConnectionFailed, DeadlineExceeded) as cause:
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
            connected = self._board.make_safe()
        except (ConnectionFailed, DeadlineExceeded) as failure:
            if self._watchdog_ms:
                remedy = f"its watchdog opens them after {self._options.watchdog:g} s; or switch off the board's supply"
            else:
                remedy = "it has no watchdog: switch off the board's supply"
            message = f"the terminals may still be connected: {failure.message}"
            raise self._error(type(failure), message, "make safe", remedy, failure.limit) from failure
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
                    self._board.make_safe()
        finally:
            self._armed = self._opened = False
            self._link.close()

    # The table and the board

    def _take_over(self) -> None:
        """From HELLO to terminals connected, with the codes the chips hold."""
        cause: Exception | None = None
        for _ in range(3):  # a board may be reset a moment after its port was opened
            self._board.greet(HELLO_S)
            try:
                held = self._board.read(range(len(self._channels)))
                self._require_answers((index for index, code in held.items() if code == NO_ANSWER), "open")
                self._table = [held[index] for index in range(len(self._channels))]
                self._board.stage(self._table)
                detached = self._arm()
            except (Interrupted, DeadlineExceeded) as interruption:
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

    def _arm(self) -> frozenset[int]:
        """Connect the terminals; the channels that did not obey."""
        self._armed = True
        return self._board.arm(self._watchdog_ms)

    def _held(self, changed: Sequence[int]) -> dict[int, int]:
        """What the changed channels hold after a commit: as the board has verified it, or read where it has not."""
        held = {index: self._table[index] for index in changed}
        doubtful = changed if self._options.verify == "read" else [i for i in changed if i in self._disobedient]
        if doubtful:
            held |= self._board.read(doubtful)
            self._disobedient |= {index for index in doubtful if held[index] != self._table[index]}
        return held

    # After a reset, a trip or a lost port

    def _recover(self, action: str, target: Sequence[int], cause: Exception) -> list[int]:
        """Bring the bank back to `target`; what every channel holds. The terminals are connected if they were."""
        deadline = time.monotonic() + self.recovery_s
        self.interrupted = True
        while True:
            try:
                held = self._restore(target, deadline)
            except (Interrupted, ConnectionFailed, DeadlineExceeded) as failure:
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
        self._board.greet(min(HELLO_S, max(deadline - time.monotonic(), 0.0)))
        self._board.stage(target)
        if self._armed:
            self._detached = self._arm()
            self._disobedient = self._board.commit(target)
            self._table = list(target)
        held = self._board.read(range(len(target)))
        return [held[index] for index in range(len(target))]

    def _unrecoverable(self, action: str, cause: Exception, failure: Exception) -> NoReturn:
        kind = DeadlineExceeded if isinstance(failure, DeadlineExceeded) else ConnectionFailed
        first = cause.message if isinstance(cause, ConnectionFailed | DeadlineExceeded) else str(cause)
        then = failure.message if isinstance(failure, ConnectionFailed | DeadlineExceeded) else str(failure)
        if isinstance(failure, Interrupted) and self._watchdog_ms:
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
        if not 0 <= setting.code <= self._levels.highest_code:
            raise LimitExceeded(
                f"channel {channel} has no code {setting.code}",
                device=self._name,
                action="program",
                limit=f"0 to {self._levels.highest_code}",
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
