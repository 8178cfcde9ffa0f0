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
        # sources
        "source_amplitude": "SourceAmplitude",
        "source_distortion": "SourceDistortion",
        "source_offset": "SourceOffset",
        "source_phase": "SourcePhase",
        "clock_ppm": "ClockPpm",
        # board
        "node_capacitance": "NodeCapacitance",
        "diode_temperature": "DiodeTemperature",
        # parts
        "part_tolerance": "PartTolerance",
        # digitizers
        "noise": "Noise",
        "digitizer_gain": "DigitizerGain",
        "digitizer_offset": "DigitizerOffset",
        "multiplexer": "Multiplexer",
        "flicker": "Flicker",
        "common_mode": "CommonMode",
        "hum": "Hum",
        "drift": "Drift",
        "scan_skew": "ScanSkew",
        "pickup": "Pickup",
        # all instruments
        "converters": "Converters",
    },
    kind=Imperfection,
)
"""The imperfections, by what they act on. At each point they act in this order, those of other packages last."""


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
