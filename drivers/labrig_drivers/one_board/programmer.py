"""labrig.board.programmer: the potentiometers of a one-board bench, driven like a bank of potentiometers."""

from __future__ import annotations

from labrig_drivers.digipot_bank import DigipotBank
from labrig_drivers.one_board.options import MODEL, ProgrammerOptions, programmer_capabilities
from labrig_drivers.one_board.shared_link import SharedLink


class OneBoardProgrammer(DigipotBank):
    """A ConductanceProgrammer. Making it safe also brings the outputs of the board to the mid-rail."""

    model = MODEL

    def __init__(self, name: str, options: ProgrammerOptions) -> None:
        programmer_capabilities(options)
        super().__init__(name, options, SharedLink(name, options.resource, options.baud))
