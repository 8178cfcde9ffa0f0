"""Noise so small that the rounding of the digitizer is not averaged away."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from labrig.quantities import format_quantity

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly
    from labrig.assembly.concerns import Warnings


def rounding(assembly: Assembly) -> Warnings:
    """Warn of a simulated digitizer whose noise is below half a step; zero noise is taken as intended."""
    simulated = assembly.simulation.imperfections
    noise_v = simulated.get("noise")
    if assembly.header.bench == "hardware" or not simulated.get("converters") or not noise_v:
        return
    name = assembly.board.hookup.digitizer
    able = assembly.devices[name].digitizer
    if noise_v >= able.step_v / 2:
        return
    bits = math.ceil(math.log2(able.full_scale_v / noise_v))
    yield (
        ("instruments", name),
        f"the noise, {format_quantity(noise_v, 'voltage')}, is below half a step of {name} (a step is "
        f"{format_quantity(able.step_v, 'voltage')}), so averaging does not help: every reading may be off by up to "
        "half a step, and a tone much smaller than a step is not seen. Stated uncertainties allow for this; use "
        f"{bits} bits or more, or a smaller full_scale",
    )
