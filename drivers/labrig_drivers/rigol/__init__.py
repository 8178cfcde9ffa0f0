"""Rigol DG1000Z generators over VISA: `rigol.dg1000z`."""

from __future__ import annotations

from labrig.instruments.drivers import DriverInfo, VirtualCounterpart
from labrig_drivers.rigol.assumptions import ASSUMPTIONS
from labrig_drivers.rigol.generator import Dg1000zSource
from labrig_drivers.rigol.options import MODELS, Dg1000zOptions, capabilities

__all__ = ["DRIVERS", "Dg1000zOptions", "Dg1000zSource", "capabilities"]

VIRTUAL = VirtualCounterpart(
    "rigol",
    "labrig.virtual_instruments.rigol:generators",
    faults=("delay", "power", "connection", "silence"),
)

DRIVERS = (
    DriverInfo(
        "rigol.dg1000z",
        "source",
        Dg1000zOptions,
        capabilities,
        Dg1000zSource,
        models=dict.fromkeys(MODELS, "wire; never run on hardware"),
        virtual=VIRTUAL,
        packages=("pyvisa", "pyvisa-py"),
        imports=("pyvisa", "pyvisa_py.highlevel"),
        assumptions=ASSUMPTIONS,
    ),
)
