"""The driver of an ArC ONE: cells that are read and pulsed one at a time, with the network disconnected by a relay."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress

from labrig.errors import ConnectionFailed, DeadlineExceeded, LimitExceeded
from labrig.instruments.data import Continuous, Identity, LevelTable, ProgramReport, Setting
from labrig.instruments.pulse_bank import PulseBank
from labrig_drivers.arc_one.link import ArcLink
from labrig_drivers.arc_one.options import ArcOneOptions, capabilities
from labrig_drivers.arc_one.relay import Relay

MODEL = "ArC ONE"
ATTEMPTS = 3
READ_ONE, PULSE_READ_ONE = "1", "3"


class ArcOne:
    """A ConductanceProgrammer for memristors on an ArC ONE.

    If a reply is lost, the command may or may not have been executed. So the board is reset and the cell is read, and
    the pulse is not sent again.

    Attributes
    ----------
    pulses : int
        Number of pulses sent.
    """

    def __init__(self, name: str, options: ArcOneOptions) -> None:
        able = capabilities(options)
        self._name = name
        self._options = options
        self._channels = able.channels
        self._levels = able.levels
        self._link = ArcLink(name, options.resource, options.words, options.bits, able.read_v, options.start)
        self._relay = Relay(name, options.relay)
        self._bank = PulseBank(name, able.channels, able.levels, able.ramp, self._cell, self._isolated)
        self._opened = False
        self.pulses = 0

    def open(self) -> None:
        """Connect and initialize the board; the network is disconnected.

        Raises
        ------
        ConnectionFailed
            If a port cannot be opened.
        DeadlineExceeded
            If the board does not answer.
        """
        if self._opened:
            return
        try:
            self._relay.open_port()
            self._link.open()
        except BaseException:
            self._close_ports()
            raise
        self._opened = True

    def identify(self) -> Identity:
        """Model and firmware version; the board has no serial number."""
        self._require_open("identify")
        return Identity(MODEL, "", self._link.firmware)

    def levels(self) -> dict[str, LevelTable | Continuous]:
        """Range and tolerance of every cell."""
        return dict.fromkeys(self._channels, self._levels)

    def program(self, settings: Mapping[str, Setting]) -> ProgramReport:
        """Write cells by write–verify, then connect the network."""
        self._require_open("program")
        report = self._bank.program(settings)
        self._connect()
        return report

    def read_back(self, channels: Iterable[str]) -> dict[str, Setting]:
        """Read cells."""
        self._require_open("read back")
        return self._bank.read_back(channels)

    def refresh(self) -> ProgramReport:
        """Read every cell that was written, and rewrite those that have drifted."""
        self._require_open("refresh")
        return self._bank.refresh()

    def keep_alive(self) -> None:
        """Connect the network on the first call after `open`."""
        self._require_open("keep alive")
        self._connect()

    def make_safe(self) -> None:
        """Disconnect the network. The board applies a voltage only during a command."""
        if self._opened:
            self._relay.switch(on=False)

    def rescue(self) -> None:
        """Disconnect the network, on new connections."""
        try:
            self._relay.open_port()
        finally:
            self._close_ports()

    def close(self) -> None:
        """Disconnect the network and close both ports; never raises."""
        if self._opened and self._relay.closed:
            with suppress(ConnectionFailed):
                self._relay.switch(on=False)
        self._opened = False
        self._close_ports()

    def _close_ports(self) -> None:
        self._link.close()
        self._relay.close_port()

    def _connect(self) -> None:
        if not self._relay.closed:
            self._relay.switch(on=True)

    @contextmanager
    def _isolated(self) -> Generator[None, None, None]:
        connected = self._relay.closed
        if connected:
            self._relay.switch(on=False)
        yield
        if connected:  # not after an error: the rig is made safe
            self._connect()

    def _cell(self, channel: str) -> _ArcCell:
        return _ArcCell(self, channel)

    def read_cell(self, word: int, bit: int) -> float:
        """Return one reading of a cell (S). Raises DeadlineExceeded if the replies to three attempts are lost."""
        for _ in range(ATTEMPTS):
            ohm = self._link.ohm(READ_ONE, word, bit)
            if ohm is not None:
                return 1 / ohm
        raise DeadlineExceeded(
            f"{ATTEMPTS} readings of w{word}b{bit} got no reply",
            device=self._name,
            action="read",
            remedy="check the cable, or use a shorter one or another port",
        )

    def pulse_cell(self, word: int, bit: int, volts: float, width_s: float) -> float:
        """Apply a pulse; return one reading after it (S). Raises LimitExceeded, and sends nothing, beyond the clamp."""
        if not abs(volts) <= self._options.clamp or not 0 < width_s <= self._options.longest_pulse:
            raise LimitExceeded(
                f"refused a pulse of {volts:g} V for {width_s:g} s on w{word}b{bit}",
                device=self._name,
                action="pulse",
                limit=f"clamp {self._options.clamp:g} V, {self._options.longest_pulse:g} s",
            )
        self.pulses += 1
        ohm = self._link.ohm(PULSE_READ_ONE, word, bit, float(volts), float(width_s))
        return self.read_cell(word, bit) if ohm is None else 1 / ohm

    def _require_open(self, action: str) -> None:
        if not self._opened:
            raise ConnectionFailed("is not open", device=self._name, action=action, remedy="call open() first")


class _ArcCell:
    """A cell under write–verify."""

    def __init__(self, board: ArcOne, channel: str) -> None:
        self._board = board
        word, _, bit = channel.removeprefix("w").partition("b")
        self._word, self._bit = int(word), int(bit)

    def read(self) -> float:
        """Return one reading (S)."""
        return self._board.read_cell(self._word, self._bit)

    def pulse(self, volts: float, width_s: float) -> float:
        """Apply one pulse, and return a reading (S)."""
        return self._board.pulse_cell(self._word, self._bit, volts, width_s)
