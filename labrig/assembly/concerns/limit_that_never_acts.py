"""Limits that never act, as no instrument can reach them; the cause is usually a wrong unit (MW for mW)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrig.medium import ELECTRICAL, medium_in_use
from labrig.quantities import format_quantity

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly
    from labrig.assembly.concerns import Warnings

GENEROUS = 2.0
"""Largest ratio of a limit to the largest possible value without a warning."""
LONGEST_STEP_S = 86400.0
MEGA_TO_MILLI = 1e-9


def limit_that_never_acts(assembly: Assembly) -> Warnings:
    """Warn of limits that no source can reach, and of a limit of more than a day for a step."""
    limits, hookup = assembly.limits, assembly.board.hookup
    if limits.step_s > LONGEST_STEP_S:
        yield (
            ("limits", "step"),
            f"{_text(limits.step_s, 'time')} is longer than a day, so a hanging driver would be noticed much too late"
            f"{_meant(limits.step_s, 1.0, 'time')}",
        )
    if medium_in_use() != ELECTRICAL or any(wire.actuator or wire.howland for wire in hookup.outputs):
        return
    largest_v = max(assembly.devices[name].source.full_scale_v for name in hookup.sources)
    power_w = assembly.network.programmable.range[1] * (2 * largest_v) ** 2
    for key, limit, most, what, dimension in (
        ("node", limits.node_v, largest_v, "no source plays more than", "voltage"),
        ("edge_power", limits.edge_power_w, power_w, "no edge can take more than", "power"),
    ):
        written = assembly.document.get(("limits", key))
        if written is not None and written.origin != "default" and GENEROUS * most < limit < float("inf"):
            yield (
                ("limits", key),
                f"{_text(limit, dimension)} never acts: {what} {_text(float(f'{most:.2g}'), dimension)}"
                f"{_meant(limit, most, dimension)}",
            )


def _text(value: float, dimension: str) -> str:
    return format_quantity(float(value), dimension)


def _meant(limit: float, most: float, dimension: str) -> str:
    """Return the end of a warning, which asks whether M was written instead of m."""
    milli = limit * MEGA_TO_MILLI
    return f"; did you mean {_text(milli, dimension)}?" if limit >= 1e3 and milli <= most else "; choose a lower one"
