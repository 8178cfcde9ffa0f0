"""Squares, ramps and pulses as sums of their first harmonics, since the World plays only constants and tones.

Lanczos factors attenuate the higher harmonics: signal edges are as long as the period of the highest harmonic and
hardly overshoot, and the error of the first harmonic is below 0.05 %. At phase 0 a square and a ramp cross zero
upwards; a pulse begins to rise at its delay.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import replace
from itertools import pairwise

from labrig.virtual_instruments.sample_table import MOST_TONES, Table
from labrig.virtual_instruments.siglent.wave import FASTEST_EDGE_S, BasicWave

_NONE = 1e-5
"""Smaller harmonics are omitted; even harmonics of a square with finite signal edges are smaller than this."""

_SHORTEST = 1e-6
"""Shortest signal edge (turns); shorter edges make no difference to these harmonics and suffer from rounding."""

_TENTH_TO_NINETY = 0.8
"""Rise and fall times (10 % to 90 %), as a fraction of the duration of a signal edge."""


def shape_of(wave: BasicWave) -> Table | None:
    """One period of a square, ramp or pulse, in units of half its peak-to-peak amplitude; None for other types."""
    corners = _corners(wave)
    if corners is None:
        return None
    pieces = list(pairwise(corners))
    mean = sum((t1 - t0) * (v0 + v1) / 2 for (t0, v0), (t1, v1) in pieces)
    sizes = {order: 2 * _coefficient(pieces, order) for order in range(1, 2 * MOST_TONES)}
    orders = [order for order, size in sizes.items() if abs(size) > _NONE][:MOST_TONES]  # a square has only odd ones
    faded = {order: sizes[order] * _lanczos(order / (orders[-1] + 1)) for order in orders}
    harmonics = tuple((order, abs(size), cmath.phase(size)) for order, size in faded.items())
    table = Table(wave.kind, 0, mean=mean, harmonics=harmonics)
    return replace(table, first=table.at(0.0))


def _corners(wave: BasicWave) -> list[tuple[float, float]] | None:
    """Corners (turn, value) of one period, with values from −1 to 1."""
    edge = max(FASTEST_EDGE_S * wave.frequency_hz, _SHORTEST)
    if wave.kind == "SQUARE":
        duty = wave.square_duty / 100
        return _trapezoid(-edge / 2, edge, duty, edge)
    if wave.kind == "RAMP":
        rising = min(max(wave.symmetry / 100, edge), 1 - edge)
        return [(-rising / 2, -1.0), (rising / 2, 1.0), (1 - rising / 2, -1.0)]
    if wave.kind == "PULSE":
        rise, fall = (max(each / _TENTH_TO_NINETY * wave.frequency_hz, edge) for each in (wave.rise_s, wave.fall_s))
        return _trapezoid(wave.delay_s * wave.frequency_hz, rise, wave.width_s * wave.frequency_hz, fall)
    return None


def _trapezoid(begins: float, rise: float, width: float, fall: float) -> list[tuple[float, float]]:
    """Corners of a pulse with this width between the middles of its signal edges (turns)."""
    top = begins + rise
    edge = max(top, begins + rise / 2 + width - fall / 2)
    end = min(edge + fall, begins + 1)
    return [(begins, -1.0), (top, 1.0), (edge, 1.0), (end, -1.0), (begins + 1, -1.0)]


def _coefficient(pieces: list[tuple[tuple[float, float], tuple[float, float]]], order: int) -> complex:
    """∫ v e^{−jωt} dt over a period of linear pieces, from their slopes."""
    omega = 2 * math.pi * order
    total = 0j
    for (t0, v0), (t1, v1) in pieces:
        if v1 != v0 and t1 > t0:
            total += (v1 - v0) / (t1 - t0) * (cmath.exp(-1j * omega * t1) - cmath.exp(-1j * omega * t0))
    return total / omega**2


def _lanczos(share: float) -> float:
    return math.sin(math.pi * share) / (math.pi * share)
