"""Current, slope and co-content of many diodes at once, by the law of `DiodeModel` plus gmin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.network.resistive.diodes import DiodeModel

FloatArray = NDArray[np.float64]

GMIN_S = 1e-12
"""Conductance in parallel with every junction, as in ngspice: it keeps a chain of blocked diodes defined."""

LINEAR_ABOVE_A = 1e6
"""Without series resistance, the exponential continues as its tangent above this current, to avoid overflow; far larger
currents would make the equations singular in double precision."""

OMEGA_ARGUMENT_FLOOR = -700.0
"""Smallest argument of the Wright omega: below it exp is subnormal or zero, for which some SciPy versions give NaN."""

TAIL = 3.0
"""Reverse voltage, in units of the slope voltage, at which the reverse law takes over."""

SMALLEST_RATIO = 1e-30

SMALL_DROP = 1e-3
"""Largest Rs·Is, in units of the slope voltage, for which one Newton step finds the voltage at the junction; its error
is then below 1e-13."""


@dataclass(frozen=True, slots=True, eq=False)
class DiodeArrays:
    """The parameters of K diodes as arrays of shape (K,), with the identical diodes in parallel already merged."""

    saturation_current_a: FloatArray
    slope_voltage_v: FloatArray
    """nVt = n·kT/q"""
    series_resistance_ohm: FloatArray
    gmin_s: FloatArray
    knee_v: FloatArray
    """V_b, the reverse voltage at the junction at which breakdown begins, > 0; inf without breakdown."""
    critical_voltage_v: FloatArray
    """Voltage of the strongest curvature (SPICE's vcrit), nVt·ln(nVt/(√2·Is)), but at least nVt."""
    reverse_below_v: FloatArray
    """Drop below which the reverse law holds."""
    omega_offset: FloatArray
    """ln(Is·Rs/nVt), or −inf without series resistance."""
    omega_current_a: FloatArray
    """nVt/Rs, or inf without series resistance."""
    resistive: NDArray[np.bool_]
    """Mask of the diodes with a series resistance."""
    all_resistive: bool
    reverse: FloatArray
    """(5, K) quantities of the reverse law: Rs·Is, length of the tail, junction voltage where it begins, Is, V_b."""
    reverse_iterations: int
    """Newton steps needed to find the junction voltage to rounding error: one if Rs·Is is small."""

    def __len__(self) -> int:
        return len(self.saturation_current_a)

    def chosen(self, which: NDArray[np.intp]) -> DiodeArrays:
        """The diodes with these indices."""
        return _assembled(
            self.saturation_current_a[which],
            self.slope_voltage_v[which],
            self.series_resistance_ohm[which],
            self.gmin_s[which],
            self.knee_v[which],
        )


def diode_arrays(models: Sequence[DiodeModel], counts: Sequence[int] | None = None) -> DiodeArrays:
    """Return the arrays for `models`; each model stands for `counts` identical diodes in parallel (default 1)."""
    count = np.ones(len(models)) if counts is None else np.asarray(counts, dtype=float)
    saturation = np.array([model.saturation_current_a for model in models], dtype=float) * count
    slope_voltage = np.array([model.slope_voltage_v for model in models], dtype=float)
    series = np.array([model.series_resistance_ohm for model in models], dtype=float) / count
    knee = np.array([model.breakdown_knee_v for model in models], dtype=float)
    return _assembled(saturation, slope_voltage, series, GMIN_S * count, knee)


def behind_resistance(diodes: DiodeArrays, ohm: FloatArray) -> DiodeArrays:
    """Return the same junctions with the additional series resistances `ohm` (K,), and without gmin."""
    series = diodes.series_resistance_ohm + ohm
    return _assembled(diodes.saturation_current_a, diodes.slope_voltage_v, series, np.zeros_like(series), diodes.knee_v)


def _assembled(
    saturation: FloatArray, slope_voltage: FloatArray, series: FloatArray, gmin: FloatArray, knee: FloatArray
) -> DiodeArrays:
    critical = np.maximum(slope_voltage * np.log(slope_voltage / (math.sqrt(2) * saturation)), slope_voltage)
    reverse_below = -TAIL * slope_voltage + series * saturation * math.expm1(-TAIL)
    resistive = series > 0
    offset, current = np.full_like(series, -np.inf), np.full_like(series, np.inf)
    offset[resistive] = np.log((saturation * series / slope_voltage)[resistive])
    current[resistive] = slope_voltage[resistive] / series[resistive]
    return DiodeArrays(
        saturation,
        slope_voltage,
        series,
        gmin,
        knee,
        critical,
        reverse_below,
        offset,
        current,
        resistive,
        bool(resistive.all()),
        np.stack([series * saturation, TAIL / math.e * slope_voltage, -TAIL * slope_voltage, saturation, knee]),
        1 if bool((series * saturation <= SMALL_DROP * slope_voltage).all()) else 2,
    )


def diode_current(u: FloatArray, diodes: DiodeArrays) -> tuple[FloatArray, FloatArray]:
    """Current (A) and slope di/du (S) of every diode at the drops `u` (V, shape (..., K)), including gmin.

    With series resistance, the implicit equation has a closed solution in the forward direction,
    i = (n·Vt/Rs)·ω(x) − Is with x = ln(Is·Rs/(n·Vt)) + (u + Is·Rs)/(n·Vt), where ω is the Wright omega function
    (Banwell & Jayakumar, Electron. Lett. 36, 2000), and similarly in breakdown. In between, Rs·i is about Rs·Is, and
    at most two Newton steps find the solution.
    """
    current, slope = _junction(u, diodes)
    current += diodes.gmin_s * u
    slope += diodes.gmin_s
    return current, slope


def diode_cocontent(u: FloatArray, diodes: DiodeArrays) -> FloatArray:
    """Co-content ∫₀ᵘ i du' (W) of every diode at the drops `u` (V, shape (..., K)), including gmin.

    ∫ i du' = ∫ i du_j + ½·Rs·i² with u_j = u − Rs·i. Without series resistance, the tangents are integrated separately.
    """
    current, _ = _junction(u, diodes)
    saturation, nvt, series = diodes.saturation_current_a, diodes.slope_voltage_v, diodes.series_resistance_ohm
    top = np.where(series > 0, np.inf, nvt * np.log(LINEAR_ABOVE_A / saturation))
    bottom = -diodes.knee_v - top
    junction = np.clip(u - series * current, bottom, top)
    beyond = np.where(u > top, u - top, np.where(u < bottom, bottom - u, 0.0)) * (series == 0)
    stored = _stored(junction, diodes)
    stored += 0.5 * series * current**2 + 0.5 * diodes.gmin_s * u**2
    edge_a = np.where(u > 0, LINEAR_ABOVE_A - saturation, LINEAR_ABOVE_A)
    return stored + np.where(beyond > 0, beyond * (edge_a + 0.5 * LINEAR_ABOVE_A * beyond / nvt), 0.0)


def tangent(current_a: FloatArray, diodes: DiodeArrays) -> tuple[FloatArray, FloatArray]:
    """Slope (S) and drop (V) of every diode for the currents through them (A, shape (..., K)), as a first guess.

    The slope of a blocked diode is gmin.
    """
    saturation, nvt = diodes.saturation_current_a, diodes.slope_voltage_v
    forward = np.maximum(current_a + saturation, 0.0)
    broken = np.maximum(-current_a - 2.0 * saturation, 0.0)
    carried = forward + broken
    slope = carried / (nvt + diodes.series_resistance_ohm * carried) + diodes.gmin_s
    drop = nvt * np.log(np.maximum(forward / saturation, SMALLEST_RATIO))
    if broken.any():
        in_breakdown = -diodes.knee_v - nvt * np.log(np.maximum(broken / saturation, SMALLEST_RATIO))
        drop = np.where(broken > 0, in_breakdown, drop)
    return slope, drop + diodes.series_resistance_ohm * current_a


def _junction(u: FloatArray, diodes: DiodeArrays) -> tuple[FloatArray, FloatArray]:
    """Current and slope without gmin."""
    current, slope = _exponential(u, diodes)
    current -= diodes.saturation_current_a
    blocked = u < diodes.reverse_below_v
    if blocked.any():
        column = np.nonzero(blocked)[-1]
        current[blocked], slope[blocked] = _reverse(u[blocked], diodes, column)
    return current, slope


def _reverse(u: FloatArray, diodes: DiodeArrays, column: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """Current and slope (n,) of diodes `column` (n,) at drops (n,) where the reverse law holds."""
    drop, reach, begins, saturation, knee = diodes.reverse[:, column]
    wanted = u + drop
    junction = np.minimum(wanted, begins)
    for _ in range(diodes.reverse_iterations):
        relative = reach / junction
        tail = relative * relative * relative
        excess = drop * tail
        rest = junction - excess
        rest -= wanted
        excess *= 3.0
        excess /= junction
        excess += 1.0
        rest /= excess
        junction -= rest
    relative = reach / junction
    tail = relative * relative
    tail *= relative
    bend = tail * 3.0
    bend /= junction
    slope = saturation * bend
    drop *= bend
    drop += 1.0
    slope /= drop
    tail += 1.0
    current = tail * -saturation
    broken = junction < -knee
    if broken.any():
        back, conducts = _exponential(-u[broken] - knee[broken], diodes.chosen(column[broken]), offset=False)
        current[broken], slope[broken] = -back, conducts
    return current, slope


def _exponential(u: FloatArray, diodes: DiodeArrays, *, offset: bool = True) -> tuple[FloatArray, FloatArray]:
    """Solution w (A) of w = Is·exp((u − Rs·(w − Is))/nVt), and its slope (S); u − Rs·w without `offset`."""
    saturation, nvt = diodes.saturation_current_a, diodes.slope_voltage_v
    at = u + diodes.series_resistance_ohm * saturation if offset else u
    if diodes.all_resistive:
        return _behind_series(at, nvt, diodes.omega_offset, diodes.omega_current_a)
    current, slope = np.empty_like(u), np.empty_like(u)
    bare, resistive = ~diodes.resistive, diodes.resistive
    current[..., resistive], slope[..., resistive] = _behind_series(
        at[..., resistive], nvt[resistive], diodes.omega_offset[resistive], diodes.omega_current_a[resistive]
    )
    current[..., bare], slope[..., bare] = _bare(at[..., bare], saturation[bare], nvt[bare])
    return current, slope


def _behind_series(
    u: FloatArray, nvt: FloatArray, offset: FloatArray, scale: FloatArray
) -> tuple[FloatArray, FloatArray]:
    # Imported here because the import takes 0.2 s, and boards without diodes never need it.
    from scipy.special import wrightomega  # pyright: ignore[reportMissingTypeStubs]

    argument = u / nvt
    argument += offset
    omega = wrightomega(np.maximum(argument, OMEGA_ARGUMENT_FLOOR, out=argument))
    current = omega * scale
    omega += 1.0
    omega *= nvt
    return current, current / omega


def _bare(u: FloatArray, saturation: FloatArray, nvt: FloatArray) -> tuple[FloatArray, FloatArray]:
    on_curve = np.minimum(u, nvt * np.log(LINEAR_ABOVE_A / saturation))
    current = saturation * np.exp(on_curve / nvt)
    return current * (1.0 + (u - on_curve) / nvt), current / nvt


def _stored(junction: FloatArray, diodes: DiodeArrays) -> FloatArray:
    """∫₀ i du_j (W) up to the junction voltages (..., K), piece by piece."""
    saturation, nvt, knee = diodes.saturation_current_a, diodes.slope_voltage_v, diodes.knee_v
    join = -TAIL * nvt
    forward = np.maximum(junction, join)
    total = saturation * (nvt * np.expm1(forward / nvt) - forward)
    blocked = np.maximum(np.minimum(junction, join), -knee)
    cube = (TAIL / math.e * nvt) ** 3
    total += saturation * ((join - blocked) + 0.5 * cube * (1.0 / blocked**2 - 1.0 / join**2))
    broken = junction < -knee
    if broken.any():
        column = np.nonzero(broken)[-1]
        rise = (-knee[column] - junction[broken]) / nvt[column]
        total[broken] += saturation[column] * nvt[column] * np.expm1(rise)
    return total
