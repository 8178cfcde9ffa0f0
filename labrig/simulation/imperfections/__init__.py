"""Imperfections of a simulated bench: one file each, found by its key in `simulation`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labrig.extensions import Extensions
from labrig.simulation.imperfections.combined import Imperfections
from labrig.simulation.imperfections.imperfection import (
    Addition,
    Imperfection,
    Memory,
    OutputTransfer,
    Player,
    Scans,
    Switching,
    Transfer,
)

IMPERFECTIONS = Extensions(
    noun="imperfection",
    package="labrig.simulation.imperfections",
    own={
        "noise": "Noise",
        "source_amplitude": "SourceAmplitude",
        "digitizer_gain": "DigitizerGain",
        "digitizer_offset": "DigitizerOffset",
        "part_tolerance": "PartTolerance",
        "converters": "Converters",
        "multiplexer": "Multiplexer",
        "flicker": "Flicker",
        "common_mode": "CommonMode",
        "hum": "Hum",
        "drift": "Drift",
        "source_distortion": "SourceDistortion",
        "source_offset": "SourceOffset",
        "source_phase": "SourcePhase",
        "clock_ppm": "ClockPpm",
        "scan_skew": "ScanSkew",
        "pickup": "Pickup",
        "node_capacitance": "NodeCapacitance",
        "diode_temperature": "DiodeTemperature",
    },
    kind=Imperfection,
)
"""The imperfections of an instrument act in this order, followed by those of other packages."""


def imperfections(values: Mapping[str, Any], seed: int) -> Imperfections:
    """Return the imperfections of a bench.

    Parameters
    ----------
    values : mapping
        Value of each imperfection by its key: {"noise": 100e-6, "converters": True}.
    seed : int
        Seed from which all random values are drawn.
    """
    order = list(IMPERFECTIONS.own)
    names = sorted(values, key=lambda name: order.index(name) if name in order else len(order))
    return Imperfections([IMPERFECTIONS.find(name)(values[name], seed) for name in names])


__all__ = [
    "IMPERFECTIONS",
    "Addition",
    "Imperfection",
    "Imperfections",
    "Memory",
    "OutputTransfer",
    "Player",
    "Scans",
    "Switching",
    "Transfer",
    "imperfections",
]
