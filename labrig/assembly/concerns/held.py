"""Nodes that have not settled when they are read, if the digitizer scans only while all sources are constant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labrig.assembly.multiplexing import source_ohm
from labrig.quantities import format_quantity

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly
    from labrig.assembly.concerns import Warnings

TIME_CONSTANTS = 9
"""Number of time constants after which 1e-4 of a change is left: half a step of 12 bits."""


def held(assembly: Assembly) -> Warnings:
    """Warn of the slowest node if it does not settle between two scans, with every edge at its lowest conductance."""
    hookup, (lowest_s, _) = assembly.board.hookup, assembly.network.programmable.range
    able = assembly.devices[hookup.digitizer].digitizer
    ohm = source_ohm(assembly.board, lowest_s) if able.held_s else None
    if ohm is None:
        return
    constants_s = ohm * np.array([wire.lead.farad for wire in hookup.senses])
    slowest, most_s = int(np.argmax(constants_s)), able.held_s / TIME_CONSTANTS
    if constants_s[slowest] > most_s:
        wire = hookup.senses[slowest]
        farad = format_quantity(wire.lead.farad, "capacitance")
        sees = f"{format_quantity(float(ohm[slowest]), 'resistance')} and {farad}"
        left = 100 * np.exp(-able.held_s / constants_s[slowest])
        yield (
            ("wiring", wire.node),
            f"{hookup.digitizer} reads {wire.node} {format_quantity(able.held_s, 'time')} after the outputs have "
            f"changed, when {left:.2g} % of the change is still missing: the input sees {sees}, a time constant of "
            f"{format_quantity(float(constants_s[slowest]), 'time')}, but only up to {format_quantity(most_s, 'time')} "
            f"settles in time; put a buffer between node and cable (wiring.{wire.node}.buffer)",
        )
