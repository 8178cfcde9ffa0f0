"""Keysight (Agilent) 33500 and 33600 generators over VISA: `keysight.trueform`."""

from __future__ import annotations

from labrig.instruments.drivers import DriverInfo, VirtualCounterpart
from labrig_drivers.keysight.assumptions import ASSUMPTIONS
from labrig_drivers.keysight.generator import TrueformSource
from labrig_drivers.keysight.options import MODELS, TrueformOptions, capabilities

__all__ = ["DRIVERS", "TrueformOptions", "TrueformSource", "capabilities"]

VIRTUAL = VirtualCounterpart(
    "keysight",
    "labrig.virtual_instruments.keysight:generators",
    faults=("delay", "power", "connection", "silence"),
)

DRIVERS = (
    DriverInfo(
        "keysight.trueform",
        "source",
        TrueformOptions,
        capabilities,
        TrueformSource,
        models=dict.fromkeys(MODELS, "wire; never run on hardware"),
        virtual=VIRTUAL,
        packages=("pyvisa", "pyvisa-py"),
        imports=("pyvisa", "pyvisa_py.highlevel"),
        assumptions=ASSUMPTIONS,
    ),
)
