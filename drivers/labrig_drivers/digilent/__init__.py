"""Digilent Analog Discovery 3 on USB: `analog_discovery.source` and `analog_discovery.digitizer`.

Several devices with a common clock and start count as one instrument with more channels. A single device has two
inputs, too few for a board and the pilot.

Source of the calls: pydwf 1.1 (MIT), which the extra `digilent` installs, on the library of Digilent's WaveForms; and,
for several devices, the examples of the WaveForms SDK. There is no virtual counterpart, because the library reaches
devices over USB only.
"""

from __future__ import annotations

from labrig.instruments.drivers import DriverInfo
from labrig_drivers.digilent import assumptions
from labrig_drivers.digilent.digitizer import DiscoveryDigitizer
from labrig_drivers.digilent.options import (
    MODEL,
    DiscoveryDigitizerOptions,
    DiscoverySourceOptions,
    digitizer_capabilities,
    source_capabilities,
)
from labrig_drivers.digilent.source import DiscoverySource

__all__ = [
    "DRIVERS",
    "DiscoveryDigitizer",
    "DiscoveryDigitizerOptions",
    "DiscoverySource",
    "DiscoverySourceOptions",
]

MODELS = {MODEL: "stand-in for pydwf; never run on hardware"}
PACKAGES = ("pydwf",)

DRIVERS = (
    DriverInfo(
        "analog_discovery.source",
        "source",
        DiscoverySourceOptions,
        source_capabilities,
        DiscoverySource,
        models=MODELS,
        packages=PACKAGES,
        assumptions=assumptions.SOURCE,
    ),
    DriverInfo(
        "analog_discovery.digitizer",
        "digitizer",
        DiscoveryDigitizerOptions,
        digitizer_capabilities,
        DiscoveryDigitizer,
        models=MODELS,
        packages=PACKAGES,
        assumptions=assumptions.DIGITIZER,
    ),
)
