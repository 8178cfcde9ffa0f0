"""labrig's bank of digital potentiometers on a serial port: `labrig.digipot_bank`.

Firmware and protocol: drivers/firmware/README.md.
"""

from __future__ import annotations

from labrig.instruments.drivers import DriverInfo, VirtualCounterpart
from labrig_drivers.digipot_bank.assumptions import ASSUMPTIONS
from labrig_drivers.digipot_bank.bank import MODEL, DigipotBank
from labrig_drivers.digipot_bank.options import DigipotBankOptions, capabilities

__all__ = ["DRIVERS", "DigipotBank", "DigipotBankOptions", "capabilities"]

VIRTUAL = VirtualCounterpart(
    "digipot",
    "labrig.virtual_instruments.digipot:banks",
    faults=("line", "delay", "requests", "power", "connection", "silence"),
)

DRIVERS = (
    DriverInfo(
        "labrig.digipot_bank",
        "programmer",
        DigipotBankOptions,
        capabilities,
        DigipotBank,
        models={MODEL: "wire, AVR in a simulator; never run on hardware"},
        virtual=VIRTUAL,
        packages=("pyserial", "cobs"),
        imports=("serial", "cobs.cobs"),
        assumptions=ASSUMPTIONS,
    ),
)
