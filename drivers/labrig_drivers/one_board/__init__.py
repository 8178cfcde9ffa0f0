"""labrig's one-board bench: `labrig.board.source`, `labrig.board.digitizer` and `labrig.board.programmer`.

The three instruments of one microcontroller with converters and digital potentiometers: one clock, one start, one
serial port. Firmware, protocol and circuit: drivers/firmware/README.md.
"""

from __future__ import annotations

from labrig.instruments.drivers import DriverInfo, VirtualCounterpart
from labrig_drivers.one_board import assumptions
from labrig_drivers.one_board.digitizer import OneBoardDigitizer
from labrig_drivers.one_board.options import (
    MODEL,
    DigitizerOptions,
    ProgrammerOptions,
    SourceOptions,
    digitizer_capabilities,
    programmer_capabilities,
    source_capabilities,
)
from labrig_drivers.one_board.programmer import OneBoardProgrammer
from labrig_drivers.one_board.source import OneBoardSource

__all__ = ["DRIVERS", "OneBoardDigitizer", "OneBoardProgrammer", "OneBoardSource"]

MODELS = {MODEL: "wire, AVR in a simulator; never run on hardware"}
PACKAGES, IMPORTS = ("pyserial", "cobs"), ("serial", "cobs.cobs")
VIRTUAL = VirtualCounterpart(
    "one_board",
    "labrig.virtual_instruments.one_board:boards",
    faults=("line", "delay", "requests", "power", "connection", "silence", "samples"),
)

DRIVERS = (
    DriverInfo(
        "labrig.board.source",
        "source",
        SourceOptions,
        source_capabilities,
        OneBoardSource,
        models=MODELS,
        virtual=VIRTUAL,
        packages=PACKAGES,
        imports=IMPORTS,
        assumptions=assumptions.SOURCE,
    ),
    DriverInfo(
        "labrig.board.digitizer",
        "digitizer",
        DigitizerOptions,
        digitizer_capabilities,
        OneBoardDigitizer,
        models=MODELS,
        virtual=VIRTUAL,
        packages=PACKAGES,
        imports=IMPORTS,
        assumptions=assumptions.DIGITIZER,
    ),
    DriverInfo(
        "labrig.board.programmer",
        "programmer",
        ProgrammerOptions,
        programmer_capabilities,
        OneBoardProgrammer,
        models=MODELS,
        virtual=VIRTUAL,
        packages=PACKAGES,
        imports=IMPORTS,
        assumptions=assumptions.PROGRAMMER,
    ),
)
