"""ArC ONE, a programmer of memristors on a serial port: `arc.one`.

Source of the protocol: arc-instruments/libarc1 (`packets.py`, `arc.py`). The port runs at 921600 baud, 8E1.
Numbers are sent as text, one per line; readings are raw little-endian float32 (Ω). There are no frames and no
acknowledgements.
"""

from __future__ import annotations

from labrig.instruments.drivers import DriverInfo, VirtualCounterpart
from labrig_drivers.arc_one.assumptions import ASSUMPTIONS
from labrig_drivers.arc_one.options import ArcOneOptions, capabilities
from labrig_drivers.arc_one.programmer import MODEL, ArcOne

__all__ = ["DRIVERS", "ArcOne", "ArcOneOptions", "capabilities"]

VIRTUAL = VirtualCounterpart(
    "arc_one",
    "labrig.virtual_instruments.arc_one:programmers",
    faults=("line", "delay", "connection", "silence"),
)

DRIVERS = (
    DriverInfo(
        "arc.one",
        "programmer",
        ArcOneOptions,
        capabilities,
        ArcOne,
        models={MODEL: "wire; never run on hardware"},
        virtual=VIRTUAL,
        packages=("pyserial",),
        imports=("serial",),
        assumptions=ASSUMPTIONS,
    ),
)
