"""Keysight (Agilent) generators and multimeters over VISA: `keysight.trueform` and `keysight.truevolt`."""

from __future__ import annotations

from labrig.instruments.drivers import DriverInfo, VirtualCounterpart
from labrig_drivers.keysight import multimeter_options
from labrig_drivers.keysight.assumptions import ASSUMPTIONS, OF_MULTIMETERS
from labrig_drivers.keysight.generator import TrueformSource
from labrig_drivers.keysight.multimeter import TruevoltMultimeter
from labrig_drivers.keysight.multimeter_options import TruevoltOptions
from labrig_drivers.keysight.options import MODELS, TrueformOptions, capabilities

__all__ = ["DRIVERS", "TrueformOptions", "TrueformSource", "TruevoltMultimeter", "TruevoltOptions", "capabilities"]

EVIDENCE = "wire; never run on hardware"
FAULTS = ("delay", "power", "connection", "silence")

GENERATORS = VirtualCounterpart("keysight", "labrig.virtual_instruments.keysight:generators", faults=FAULTS)
MULTIMETERS = VirtualCounterpart(
    "keysight multimeters", "labrig.virtual_instruments.keysight:multimeters", faults=FAULTS
)

DRIVERS = (
    DriverInfo(
        "keysight.trueform",
        "source",
        TrueformOptions,
        capabilities,
        TrueformSource,
        models=dict.fromkeys(MODELS, EVIDENCE),
        virtual=GENERATORS,
        packages=("pyvisa", "pyvisa-py"),
        imports=("pyvisa", "pyvisa_py.highlevel"),
        assumptions=ASSUMPTIONS,
    ),
    DriverInfo(
        "keysight.truevolt",
        "digitizer",
        TruevoltOptions,
        multimeter_options.capabilities,
        TruevoltMultimeter,
        models=dict.fromkeys(multimeter_options.MODELS, EVIDENCE),
        virtual=MULTIMETERS,
        packages=("pyvisa", "pyvisa-py"),
        imports=("pyvisa", "pyvisa_py.highlevel"),
        assumptions=OF_MULTIMETERS,
    ),
)
