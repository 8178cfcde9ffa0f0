"""Siglent generators over VISA: `siglent.sdg`."""

from __future__ import annotations

from labrig.instruments.drivers import DriverInfo, VirtualCounterpart
from labrig_drivers.siglent.assumptions import ASSUMPTIONS
from labrig_drivers.siglent.generator import SdgSource
from labrig_drivers.siglent.options import MODELS, SdgOptions, capabilities

__all__ = ["DRIVERS", "SdgOptions", "SdgSource", "capabilities"]

EVIDENCE = "wire; never run on hardware"

VIRTUAL = VirtualCounterpart(
    "siglent",
    "labrig.virtual_instruments.siglent:generators",
    faults=("delay", "power", "connection", "silence"),
)

DRIVERS = (
    DriverInfo(
        "siglent.sdg",
        "source",
        SdgOptions,
        capabilities,
        SdgSource,
        models=dict.fromkeys(MODELS, EVIDENCE),
        virtual=VIRTUAL,
        packages=("pyvisa", "pyvisa-py"),
        imports=("pyvisa", "pyvisa_py.highlevel"),
        assumptions=ASSUMPTIONS,
    ),
)
