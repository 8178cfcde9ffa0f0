"""ArC TWO, a programmer of memristors on USB: `arc.two`.

Source of the calls: arc-instruments/pyarc2 0.6 (`pyarc2.pyi`, `src/lib.rs`), MPL-2.0, which is installed by the extra
`arc2` and needs the maker's USB driver. There is no virtual counterpart, because pyarc2 reaches the board only through
a closed-source USB library.
"""

from __future__ import annotations

from labrig.instruments.drivers import DriverInfo
from labrig_drivers.arc_two.assumptions import ASSUMPTIONS
from labrig_drivers.arc_two.options import ArcTwoOptions, capabilities
from labrig_drivers.arc_two.programmer import MODEL, ArcTwo

__all__ = ["DRIVERS", "ArcTwo", "ArcTwoOptions", "capabilities"]

DRIVERS = (
    DriverInfo(
        "arc.two",
        "programmer",
        ArcTwoOptions,
        capabilities,
        ArcTwo,
        models={MODEL: "stand-in for pyarc2; never run on hardware"},
        packages=("pyarc2", "pyserial"),
        imports=("serial",),  # the watchdog only opens the relay
        assumptions=ASSUMPTIONS,
    ),
)
