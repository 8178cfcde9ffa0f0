"""The face of a programmer that writes memristors by pulses."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager

from labrig.instruments.data import Continuous, LevelTable, ProgramReport, Setting
from labrig.instruments.pulse_bank import PulseBank
from labrig.instruments.pulse_programmer import PulseProgrammerCapabilities
from labrig.simulation.faces.context import SimulatedContext
from labrig.simulation.faces.face import Face


class SimulatedPulseProgrammer(Face):
    """A bank of memristors, which keep their states without supply.

    A switch connects the cells to the network or to the programmer. After the first `keep_alive` or `program` they are
    connected to the network, except while a cell is read or pulsed.
    """

    def __init__(self, name: str, context: SimulatedContext, capabilities: PulseProgrammerCapabilities) -> None:
        super().__init__(name, context)
        self._capabilities = capabilities
        self._cells = context.world.cells
        self._connected = False
        self._bank = PulseBank(
            name, capabilities.channels, capabilities.levels, capabilities.ramp, self._cell, self._isolated
        )

    def open(self) -> None:
        """Connect the cells to the programmer, which disconnects them from the network."""
        super().open()
        self._cells.isolate(self._context.clock.now(), self.name)
        self._connected = False

    def levels(self) -> dict[str, LevelTable | Continuous]:
        """Range and tolerance of each channel."""
        return dict.fromkeys(self._capabilities.channels, self._capabilities.levels)

    def program(self, settings: Mapping[str, Setting]) -> ProgramReport:
        """Write the setting of each channel by write–verify."""
        self._require_open("program")
        report = self._bank.program(settings)
        self._connect()
        return report

    def read_back(self, channels: Iterable[str]) -> dict[str, Setting]:
        """Read these cells."""
        self._require_open("read back")
        return self._bank.read_back(channels)

    def refresh(self) -> ProgramReport:
        """Read every cell that was written, and rewrite those that have drifted."""
        self._require_open("refresh")
        return self._bank.refresh()

    def keep_alive(self) -> None:
        """On the first call, connect the network."""
        self._require_open("keep alive")
        self._connect()

    def leave(self) -> None:
        """Do nothing: the cells stay as they are."""
        self._require_open("leave")

    def make_safe(self) -> None:
        """Do nothing: no pulse is applied between two calls."""

    def _connect(self) -> None:
        if not self._connected:
            self._cells.connect(self._context.clock.now(), self.name)
            self._connected = True

    @contextmanager
    def _isolated(self) -> Generator[None, None, None]:
        clock, connected = self._context.clock, self._connected
        self._cells.isolate(clock.now(), self.name)
        self._connected = False
        try:
            yield
        finally:
            if connected:
                self._connect()

    def _cell(self, channel: str) -> _SimulatedCell:
        return _SimulatedCell(self._context, self._capabilities, f"{self.name}/{channel}")


class _SimulatedCell:
    """A cell under write–verify."""

    def __init__(self, context: SimulatedContext, capabilities: PulseProgrammerCapabilities, channel: str) -> None:
        self._context = context
        self._able = capabilities
        self._channel = channel

    def read(self) -> float:
        """Return one reading of the conductance (S)."""
        clock = self._context.clock
        clock.sleep(self._able.write_s)
        return self._context.world.cells.read(clock.now(), self._channel, self._able.read_v, self._able.write_s)

    def pulse(self, volts: float, width_s: float) -> float:
        """Apply a pulse, then read."""
        clock = self._context.clock
        clock.sleep(width_s)
        self._context.world.cells.pulse(clock.now(), self._channel, volts, width_s)
        return self.read()
