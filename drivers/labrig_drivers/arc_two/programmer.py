"""The driver of an ArC TWO: cells that are read and pulsed one at a time, with the network disconnected by a relay."""

from __future__ import annotations

from typing_extensions import override

from labrig.errors import ConnectionFailed
from labrig.instruments.data import Identity
from labrig_drivers.arc_two.board import ArcTwoBoard
from labrig_drivers.arc_two.options import ArcTwoOptions, capabilities, terminals
from labrig_drivers.relayed_cells import RelayedCells

MODEL = "ArC TWO"
ATTEMPTS = 3
NANOS = 1e9


class ArcTwo(RelayedCells):
    """A ConductanceProgrammer for memristors on an ArC TWO. A pulse is never sent a second time."""

    def __init__(self, name: str, options: ArcTwoOptions) -> None:
        able = capabilities(options)
        super().__init__(name, options, able)
        self._read_v = able.read_v
        self._board = ArcTwoBoard(name, options.firmware, options.id)

    def identify(self) -> Identity:
        """Model and version of the library; the board reports no serial number."""
        self._require_open("identify")
        return Identity(MODEL, "", f"libarc2 {self._board.library}".strip())

    @override
    def make_safe(self) -> None:
        """Disconnect the network, then every channel of the board."""
        super().make_safe()
        if self._opened:
            self._board.float_all()

    @override
    def _open_board(self) -> None:
        self._board.open()

    @override
    def _close_board(self) -> None:
        self._board.close()

    @override
    def read_cell(self, channel: str) -> float:
        """Return one reading of a cell (S). Raises ConnectionFailed if three readings give no conductance."""
        for _ in range(ATTEMPTS):
            siemens = self._board.siemens(*terminals(channel), self._read_v)
            if siemens is not None:
                return siemens
        raise ConnectionFailed(
            f"{ATTEMPTS} readings of {channel} gave no current",
            device=self._name,
            action="read",
            remedy="check the daughterboard and the wires of this cell",
        )

    @override
    def _pulse(self, channel: str, volts: float, width_s: float) -> float:
        nanos = max(1, round(width_s * NANOS))
        siemens = self._board.pulse(*terminals(channel), float(volts), nanos, self._read_v)
        return self.read_cell(channel) if siemens is None else siemens
