"""Siglent generators through VISA: `siglent.sdg`."""

from __future__ import annotations

from labrig.instruments.drivers import DriverInfo
from labrig_drivers.siglent.generator import SdgSource
from labrig_drivers.siglent.options import MODELS, SdgOptions, capabilities

__all__ = ["DRIVERS", "SdgOptions", "SdgSource", "capabilities"]

EVIDENCE = "wire; never run on hardware"

DRIVERS = (
    DriverInfo(
        "siglent.sdg",
        "source",
        SdgOptions,
        capabilities,
        SdgSource,
        models=dict.fromkeys(MODELS, EVIDENCE),
        virtual="siglent",
    ),
)
