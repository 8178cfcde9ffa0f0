"""labrig's bank of digital potentiometers: up to 128 rheostats on an Arduino; see drivers/firmware/README.md.

The host keeps the whole table of codes. `program` sends the changes and the CRC of the whole table in one frame. The
board moves no wiper unless its own table, with these changes, has this CRC; it then reads back every channel.

The driver sends nothing by itself, so the line is silent during an acquisition. The watchdog must therefore be longer
than an acquisition; `keep_alive` feeds it in between.
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
from labrig_drivers.digipot_bank.link import HELLO_S, Link, RequestLink
from labrig_drivers.digipot_bank.options import DigipotBankOptions, capabilities

MODEL = "labrig digipot bank"


class DigipotBank:
    """A ConductanceProgrammer for a bank of digital potentiometers.

    If the board was reset, its watchdog expired or the port was lost, `program`, `read_back` and `keep_alive` restore
    and verify the whole table and continue. Data measured since the previous call are then invalid.

    Every call returns within `recovery_s` plus about 3 s; most errors are raised after 1.3 s.

    Attributes
    ----------
    interrupted
        After `program`: whether the bank was restored since the previous `program` returned.
    recoveries
        Number of times the bank was restored.
    """

    recovery_s = 10.0
    model = MODEL

    def __init__(self, name: str, options: DigipotBankOptions, link: RequestLink | None = None) -> None:
        able = capabilities(options)
        self._name = name
        self._options = options
        table = able.part.levels()
        assert isinstance(table, LevelTable)  # every part that the firmware knows has codes
        self._levels = table
        self._reads_back = able.reads_back
        self._channels = able.channels
        self._index = {channel: index for index, channel in enumerate(self._channels)}
        self._watchdog_ms = round(1e3 * options.watchdog)
        self._link = link or Link(name, options.resource, options.baud)
        self._board = BoardClient(name, self._link, able.part.chip_name, table.highest_code, len(able.channels))
        self._opened = False
        self._armed = False  # whether terminals may be connected
        self._is_new = False  # whether they are still to be connected for the first time
        self._table: list[int] = []  # what every channel should hold
        self._mismatched: frozenset[int] = frozenset()  # channels whose code differs from the table
        self._unconnected: frozenset[int] = frozenset()  # channels whose terminals ARM could not connect
        self._recoveries_before = 0  # recoveries when `program` last returned
        self.recoveries = 0
        self.interrupted = False

    def open(self) -> None:
        """Connect, compare the board with the configuration and read its codes.

        Terminals are open until the first `keep_alive` or `program`. After an error the port is closed.

        Raises
        ------
        ConnectionFailed
            If the port cannot be opened or the board keeps resetting.
        DeadlineExceeded
            If HELLO is not answered within 3 s.
        IdentityMismatch
            If the board does not match the configuration.
        ChannelFault
            If a chip does not answer.
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
        """Model, serial number of the USB adapter (the board has none of its own) and firmware version."""
        self._require_open("identify")
        return Identity(self.model, self._link.adapter_serial, self._board.firmware)

    def levels(self) -> dict[str, LevelTable | Continuous]:
        """Nominal conductances of the part (S), for every channel."""
        return dict.fromkeys(self._channels, self._levels)

    def program(self, settings: Mapping[str, Setting]) -> ProgramReport:
        """Write the codes that changed, in one frame, and report the codes that the board read back.

        A frame is sent even if nothing changed: it compares all chips with the table and shows whether the board was
        reset. After `make_safe` the terminals are connected again.

        Returns
        -------
        ProgramReport
            `faulty` lists every channel of the bank that does not have its code or is not connected.

        Raises
        ------
        LimitExceeded
            For an unknown channel or code, before anything is sent.
        ConnectionFailed, DeadlineExceeded
            If the bank cannot be restored within `recovery_s`.
        """
        codes = {
            self._channel_index(channel, "program"): self._code(channel, setting)
            for channel, setting in settings.items()
        }
        self._require_open("program")
        target = [codes.get(index, code) for index, code in enumerate(self._table)]
        faulty = self._mismatched | self._unconnected
        changed = [index for index, code in codes.items() if code != self._table[index] or index in faulty]
        try:
            if not self._armed:
                self._unconnected = self._arm()
                self._is_new = False
            self._mismatched = self._board.change(target, changed)
            self._table = target
            held = self._held(changed)
        except (Interrupted, ConnectionFailed, DeadlineExceeded) as cause:
            held = dict(enumerate(self._recover("program", target, cause)))
        self.interrupted = self.recoveries != self._recoveries_before
        self._recoveries_before = self.recoveries
        faulty = self._mismatched | self._unconnected
        seen = changed if self._reads_back else []
        return ProgramReport(
            written=tuple(self._channels[index] for index in changed),
            verified=tuple(self._channels[index] for index in seen if index not in faulty),
            faulty=tuple(self._channels[index] for index in sorted(faulty)),
            read_back={self._channels[index]: Level(held[index]) for index in seen if held[index] != NO_ANSWER},
            interrupted=self.interrupted,
        )

    def read_back(self, channels: Iterable[str]) -> dict[str, Setting]:
        """Read the codes of the chips. Codes of parts that cannot be read are those written last.

        Raises ChannelFault if a chip does not answer.
        """
        requested = [self._channel_index(channel, "read back") for channel in channels]
        self._require_open("read back")
        if not requested:
            return {}
        try:
            held = self._board.read(requested)
        except (Interrupted, ConnectionFailed, DeadlineExceeded) as cause:
            held = dict(enumerate(self._recover("read back", self._table, cause)))
        self._require_answers((index for index in requested if held[index] == NO_ANSWER), "read back")
        return {self._channels[index]: Level(held[index]) for index in requested}

    def keep_alive(self) -> None:
        """Feed the watchdog, if there is one and at least a third of its timeout has passed since the last reply.

        The first call connects the terminals. Call it between acquisitions, never during one.

        Raises
        ------
        ChannelFault
            If a terminal cannot be connected.
        """
        self._require_open("keep alive")
        if self._is_new:
            self._connect_terminals()
        if not self._armed or not self._watchdog_ms or self._link.silence_s < self._options.watchdog / 3:
            return
        try:
            self._board.require_armed()
        except (Interrupted, ConnectionFailed, DeadlineExceeded) as cause:
            self._recover("keep alive", self._table, cause)

    def make_safe(self) -> None:
        """Open all terminals. Does nothing before `open` or after it failed.

        Raises
        ------
        ChannelFault
            If terminals stayed connected.
        ConnectionFailed, DeadlineExceeded
            If the board cannot be reached (deadline 1.3 s). Then its watchdog must open them, or its power must be cut.
        """
        if self._opened:
            self._is_new = False
            self._open_terminals()

    def leave(self) -> None:
        """Leave all terminals connected in `close`, with the board's watchdog off."""
        self._require_open("leave")
        try:
            self._require_connected(self._board.arm(0), "leave")
        except Interrupted as cause:
            raise self._error(ConnectionFailed, str(cause), "leave", "program it again") from cause
        self._armed = self._is_new = False  # `close` has nothing to open

    def rescue(self) -> None:
        """Open all terminals over a new connection, which resets an Arduino and takes up to 3 s."""
        try:
            self._open_terminals(HELLO_S)
        finally:
            self.close()

    def _open_terminals(self, patience_s: float | None = None) -> None:
        self._armed = False
        try:
            if not self._link.is_open:
                self._link.open()
            connected = self._board.make_safe(patience_s)
        except (ConnectionFailed, DeadlineExceeded) as failure:
            if self._watchdog_ms:
                remedy = f"its watchdog opens them after {self._options.watchdog:g} s; or switch off the board's supply"
            else:
                remedy = "it has no watchdog: switch off the board's supply"
            message = f"the terminals may still be connected: {failure.message}"
            raise self._error(type(failure), message, "make safe", remedy, failure.limit) from failure
        if connected:
            what = f"the terminals of {self._names(connected)} stay connected"
            raise self._error(ChannelFault, what, "make safe", "check these chips and their select lines")

    def close(self) -> None:
        """Open the terminals unless `make_safe` has done so, and close the port; never raises."""
        try:
            if self._armed and self._link.is_open:
                with contextlib.suppress(ConnectionFailed, DeadlineExceeded, IdentityMismatch):
                    self._board.make_safe()
        finally:
            self._armed = self._opened = False
            self._link.close()

    # The table and the board

    def _take_over(self) -> None:
        """Greet the board, read the codes, and open the terminals, which a killed host may have left connected."""
        cause: Exception | None = None
        for _ in range(3):  # a board may reset shortly after its port was opened
            self._board.greet(HELLO_S)
            try:
                held = self._board.read(range(len(self._channels)))
                self._require_answers((index for index, code in held.items() if code == NO_ANSWER), "open")
                self._table = [held[index] for index in range(len(self._channels))]
                self._board.make_safe()
                self._board.stage(self._table)
            except (Interrupted, DeadlineExceeded) as interruption:
                cause = interruption
                continue
            self._mismatched = self._unconnected = frozenset()
            self._is_new = True
            return
        raise self._error(
            ConnectionFailed,
            f"the board keeps resetting: {cause}",
            "open",
            "check its supply and whether another program resets it",
        ) from cause

    def _connect_terminals(self) -> None:
        """Connect the terminals for the first time since `open`; ChannelFault if that fails."""
        self._is_new = False
        try:
            unconnected = self._arm()
        except (Interrupted, ConnectionFailed, DeadlineExceeded) as cause:
            self._recover("keep alive", self._table, cause)
            unconnected = self._unconnected
        self._require_connected(unconnected, "keep alive")

    def _arm(self) -> frozenset[int]:
        """Connect the terminals; returns the channels that failed."""
        self._armed = True
        return self._board.arm(self._watchdog_ms)

    def _held(self, changed: Sequence[int]) -> dict[int, int]:
        """Codes of the changed channels after a commit: the table's if the board has verified them, else read."""
        held = {index: self._table[index] for index in changed}
        doubtful = changed if self._options.verify == "read" else [i for i in changed if i in self._mismatched]
        if doubtful:
            held |= self._board.read(doubtful)
            self._mismatched |= {index for index in doubtful if held[index] != self._table[index]}
        return held

    # After a reset, an expired watchdog or a lost port

    def _recover(self, action: str, target: Sequence[int], cause: Exception) -> list[int]:
        """Restore `target`, and the terminals if they were connected; returns the code of every channel."""
        deadline = time.monotonic() + self.recovery_s
        self.interrupted = True
        while True:
            try:
                held = self._restore(target, deadline)
            except (Interrupted, ConnectionFailed, DeadlineExceeded) as failure:
                if isinstance(failure, DeadlineExceeded):
                    self._link.lose()  # an open but silent port may have been replugged under another name
                if time.monotonic() >= deadline:
                    self._unrecoverable(action, cause, failure)
                time.sleep(0.05)
            else:
                self.recoveries += 1
                self._mismatched = frozenset(i for i, code in enumerate(target) if held[i] != code)
                return held

    def _restore(self, target: Sequence[int], deadline: float) -> list[int]:
        if not self._link.is_open:
            self._link.open()
        self._board.greet(min(HELLO_S, max(deadline - time.monotonic(), 0.0)))
        self._board.stage(target)
        if self._armed:
            self._unconnected = self._arm()
            self._mismatched = self._board.commit(target)
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
            remedy = "check the cable, the board's power and its port, then reopen it"
        raise self._error(
            kind,
            f"{first}, and the bank could not be restored: {then}",
            action,
            remedy,
            f"{self.recovery_s:g} s for the recovery",
        ) from failure

    # Checks and errors

    def _channel_index(self, channel: str, action: str) -> int:
        index = self._index.get(channel)
        if index is None:
            raise LimitExceeded(
                f"has no channel {channel!r}", device=self._name, action=action, limit=f"0 to {self._channels[-1]}"
            )
        return index

    def _code(self, channel: str, setting: Setting) -> int:
        if not isinstance(setting, Level):
            raise LimitExceeded(
                f"channel {channel} takes a code, Level(code), not a conductance", device=self._name, action="program"
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

    def _require_connected(self, unconnected: frozenset[int], action: str) -> None:
        if unconnected:
            what = f"the terminals of {self._names(unconnected)} cannot be connected"
            raise self._error(ChannelFault, what, action, "check these chips and their select lines")

    def _error(
        self, kind: type[LabrigError], message: str, action: str, remedy: str | None = None, limit: str | None = None
    ) -> LabrigError:
        last = self._link.last_good
        return kind(message, device=self._name, action=action, limit=limit, last_good=last, remedy=remedy)

    def _names(self, indices: Iterable[int]) -> str:
        return "channels " + ", ".join(self._channels[index] for index in sorted(indices))
