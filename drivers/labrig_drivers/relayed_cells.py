"""The common parts of programmers of memristors whose cells are connected to the network by a relay.

The network is disconnected while a cell is read or pulsed, because currents through the network would add to the
reading. Pulses beyond the limits `clamp` and `longest_pulse` are refused and never sent.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from typing import Annotated

from pydantic import Field

from labrig.errors import ConnectionFailed, LimitExceeded
from labrig.instruments.addresses import check_serial
from labrig.instruments.data import Continuous, LevelTable, ProgramReport, Setting
from labrig.instruments.pulse_bank import PulseBank
from labrig.instruments.pulse_programmer import PulseOptions, PulseProgrammerCapabilities, memristor, ramp
from labrig.quantities import PositiveTime, PositiveVoltage
from labrig_drivers.relay import Relay

READ_S = 2e-3


class RelayedOptions(PulseOptions):
    """Options of a programmer with a relay.

    Attributes
    ----------
    relay
        Serial port of the relay that connects the network, or socket://host:port.
    clamp
        Largest amplitude of a pulse (V); the driver sends no stronger pulse.
    longest_pulse
        Largest width of a pulse (s); the driver sends no longer pulse.
    """

    relay: Annotated[str, Field(min_length=1)]
    clamp: PositiveVoltage = 2.5
    longest_pulse: PositiveTime = 1e-3


def relayed_capabilities(
    options: RelayedOptions, channels: tuple[str, ...], most_v: float, address: str
) -> PulseProgrammerCapabilities:
    """Capabilities of a programmer that can play ± most_v (V).

    Raises ValueError, with a message that starts with the key, if the options contradict each other.
    """
    try:
        check_serial(options.relay)
    except ValueError as error:
        raise ValueError(f"relay: {error}") from error
    part = memristor(options)
    pulses = ramp(options, part)
    if options.clamp > most_v:
        raise ValueError(f"clamp: the board cannot play more than ± {most_v:g} V; lower clamp")
    if pulses.stop_v > options.clamp:
        raise ValueError(f"clamp: the strongest pulse, {pulses.stop_v:g} V, exceeds this limit; lower last_pulse")
    if pulses.width_s > options.longest_pulse:
        raise ValueError(f"longest_pulse: the pulse width, {pulses.width_s:g} s, exceeds this limit; lower pulse_width")
    return PulseProgrammerCapabilities(
        channels,
        part,
        (-options.clamp, options.clamp),
        READ_S,
        address=address,
        not_promised=("leaves its relay as it is if the computer loses power or stops",),
        ramp=pulses,
        tolerance=options.tolerance,
        read_v=options.read_voltage,
    )


class RelayedCells(ABC):
    """A ConductanceProgrammer for memristors behind a relay. A subclass opens the board, and reads and pulses cells.

    Parameters
    ----------
    name : str
        Name of the programmer.
    options : RelayedOptions
        Its options.
    able : PulseProgrammerCapabilities
        Its capabilities.

    Attributes
    ----------
    pulses : int
        Number of pulses sent.
    """

    def __init__(self, name: str, options: RelayedOptions, able: PulseProgrammerCapabilities) -> None:
        self._name = name
        self._clamp_v, self._longest_s = options.clamp, options.longest_pulse
        self._channels = able.channels
        self._levels = able.levels
        self._relay = Relay(name, options.relay)
        self._bank = PulseBank(name, able.channels, able.levels, able.ramp, self._cell, self._isolated)
        self._opened = False
        self.pulses = 0

    @abstractmethod
    def _open_board(self) -> None:
        """Connect and initialize the board. Raises ConnectionFailed or DeadlineExceeded."""

    @abstractmethod
    def _close_board(self) -> None:
        """Disconnect the board; never raises."""

    @abstractmethod
    def read_cell(self, channel: str) -> float:
        """Return one reading of a cell (S). Raises ConnectionFailed or DeadlineExceeded if there is none."""

    @abstractmethod
    def _pulse(self, channel: str, volts: float, width_s: float) -> float:
        """Apply a pulse, which has been checked against the limits, and return one reading after it (S)."""

    def pulse_cell(self, channel: str, volts: float, width_s: float) -> float:
        """Apply a pulse and return one reading after it (S). Beyond a limit, send nothing and raise LimitExceeded."""
        if not abs(volts) <= self._clamp_v or not 0 < width_s <= self._longest_s:
            raise LimitExceeded(
                f"refused a pulse of {volts:g} V for {width_s:g} s on {channel}",
                device=self._name,
                action="pulse",
                limit=f"clamp {self._clamp_v:g} V, {self._longest_s:g} s",
                remedy="use a weaker or shorter pulse",
            )
        self.pulses += 1
        return self._pulse(channel, volts, width_s)

    def open(self) -> None:
        """Connect and initialize the board; the network is disconnected.

        Raises
        ------
        ConnectionFailed
            If the board or the relay cannot be reached.
        DeadlineExceeded
            If the board does not answer.
        """
        if self._opened:
            return
        try:
            self._relay.open_port()
            self._open_board()
        except BaseException:
            self._close_both()
            raise
        self._opened = True

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
        """Read cells with the network disconnected."""
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
            self._close_both()

    def close(self) -> None:
        """Disconnect the network, the board and the relay; never raises."""
        if self._opened and self._relay.closed:
            with suppress(ConnectionFailed):
                self._relay.switch(on=False)
        self._opened = False
        self._close_both()

    def _close_both(self) -> None:
        self._close_board()
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

    def _cell(self, channel: str) -> _RelayedCell:
        return _RelayedCell(self, channel)

    def _require_open(self, action: str) -> None:
        if not self._opened:
            raise ConnectionFailed("is not open", device=self._name, action=action, remedy="call open() first")


class _RelayedCell:
    """A cell under write–verify."""

    def __init__(self, board: RelayedCells, channel: str) -> None:
        self._board, self._channel = board, channel

    def read(self) -> float:
        """Return one reading (S)."""
        return self._board.read_cell(self._channel)

    def pulse(self, volts: float, width_s: float) -> float:
        """Apply one pulse, and return a reading (S)."""
        return self._board.pulse_cell(self._channel, volts, width_s)
