"""The driver of an ArC ONE: cells that are read and pulsed one at a time, with the network disconnected by a relay."""

from __future__ import annotations

from typing_extensions import override

from labrig.errors import DeadlineExceeded
from labrig.instruments.data import Identity
from labrig_drivers.arc_one.link import ArcLink
from labrig_drivers.arc_one.options import ArcOneOptions, capabilities
from labrig_drivers.relayed_cells import RelayedCells

MODEL = "ArC ONE"
ATTEMPTS = 3
READ_ONE, PULSE_READ_ONE = "1", "3"


class ArcOne(RelayedCells):
    """A ConductanceProgrammer for memristors on an ArC ONE.

    If a reply is lost, the command may or may not have been executed. So the board is reset and the cell is read, and
    the pulse is not sent again.
    """

    def __init__(self, name: str, options: ArcOneOptions) -> None:
        able = capabilities(options)
        super().__init__(name, options, able)
        self._link = ArcLink(name, options.resource, options.words, options.bits, able.read_v, options.start)

    def identify(self) -> Identity:
        """Model and firmware version; the board has no serial number."""
        self._require_open("identify")
        return Identity(MODEL, "", self._link.firmware)

    @override
    def _open_board(self) -> None:
        self._link.open()

    @override
    def _close_board(self) -> None:
        self._link.close()

    @override
    def read_cell(self, channel: str) -> float:
        """Return one reading of a cell (S). Raises DeadlineExceeded if the replies to three attempts are lost."""
        for _ in range(ATTEMPTS):
            ohm = self._link.ohm(READ_ONE, *_lines(channel))
            if ohm is not None:
                return 1 / ohm
        raise DeadlineExceeded(
            f"{ATTEMPTS} readings of {channel} got no reply",
            device=self._name,
            action="read",
            remedy="check the cable, or use a shorter one or another port",
        )

    @override
    def _pulse(self, channel: str, volts: float, width_s: float) -> float:
        ohm = self._link.ohm(PULSE_READ_ONE, *_lines(channel), float(volts), float(width_s))
        return self.read_cell(channel) if ohm is None else 1 / ohm


def _lines(channel: str) -> tuple[int, int]:
    """Word line and bit line of a channel."""
    word, _, bit = channel.removeprefix("w").partition("b")
    return int(word), int(bit)
