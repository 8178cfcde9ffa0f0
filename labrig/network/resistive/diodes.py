"""Diodes: the parts labrig knows, and the current and slope of many junctions at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ConfigError

FloatArray = NDArray[np.float64]

BOLTZMANN_J_PER_K = 1.380649e-23
ELEMENTARY_CHARGE_C = 1.602176634e-19
TEMPERATURE_K = 300.15
"""27 °C, the temperature at which SPICE quotes model parameters."""

THERMAL_VOLTAGE_V = BOLTZMANN_J_PER_K * TEMPERATURE_K / ELEMENTARY_CHARGE_C
"""kT/q. ngspice-39 computes with 2014 CODATA constants, which puts its value 3.4e-7 (relative) lower."""

GMIN_S = 1e-12
"""Conductance in parallel with every junction, as in ngspice: it keeps a chain of blocked diodes defined."""

LINEAR_ABOVE_A = 10.0
"""Without series resistance the exponential goes on as its tangent above this current, so that nothing overflows."""

OMEGA_ARGUMENT_FLOOR = -700.0
"""exp of less is subnormal or zero, and the Wright omega of some SciPy versions is then NaN."""


@dataclass(frozen=True, slots=True)
class DiodeModel:
    """A Shockley junction with a resistance in series.

    i = Is·(exp((u − Rs·i)/(n·kT/q)) − 1), u the drop from anode to cathode (V). In reverse the current is just −Is:
    no breakdown, and none of the cubic tail that ngspice adds below −3·n·kT/q.
    """

    saturation_current_a: float
    emission_coefficient: float
    series_resistance_ohm: float

    def __post_init__(self) -> None:
        for name, value, least_allowed in (
            ("saturation_current_a", self.saturation_current_a, "> 0"),
            ("emission_coefficient", self.emission_coefficient, "> 0"),
            ("series_resistance_ohm", self.series_resistance_ohm, ">= 0"),
        ):
            allowed = value > 0 or (value == 0 and least_allowed == ">= 0")
            if not (allowed and math.isfinite(value)):
                raise ConfigError(f"diode model: {name} is {value!r}", limit=f"finite and {least_allowed}")


DIODES: dict[str, DiodeModel] = {
    "BAT54": DiodeModel(2.117e-7, 1.016, 2.637),
    "1N4148": DiodeModel(2.52e-9, 1.752, 0.568),
    # Two vendors' models of the 1N5711 differ widely; the other one is (1.07e-9, 1.05, 36.9).
    "1N5711": DiodeModel(315e-9, 2.03, 2.8),
    "1N34A": DiodeModel(2e-7, 1.3, 7.0),
    "HSMS-285x": DiodeModel(3e-6, 1.06, 25.0),
    "HSMS-282x": DiodeModel(2.2e-8, 1.08, 6.0),
}
"""Vendors' SPICE parameters at 27 °C, by part number."""


@dataclass(frozen=True, slots=True, eq=False)
class DiodeArrays:
    """The parameters of K diodes side by side, each array of shape (K,), with `count` parallel parts already merged."""

    saturation_current_a: FloatArray
    slope_voltage_v: FloatArray
    """nVt = n·kT/q"""
    series_resistance_ohm: FloatArray
    gmin_s: FloatArray
    critical_voltage_v: FloatArray
    """Where the curve bends most as seen from a node (SPICE's vcrit): nVt·ln(nVt/(√2·Is)); at least nVt."""
    omega_offset: FloatArray
    """ln(Is·Rs/nVt) + Is·Rs/nVt, or −inf without series resistance."""
    omega_current_a: FloatArray
    """nVt/Rs, or inf without series resistance."""
    resistive: NDArray[np.bool_]
    """Which diodes have a series resistance."""
    all_resistive: bool

    def __len__(self) -> int:
        return len(self.saturation_current_a)


def diode_arrays(models: Sequence[DiodeModel], counts: Sequence[int] | None = None) -> DiodeArrays:
    """Arrays of `models`, each standing for `counts` identical diodes in parallel (default 1)."""
    count = np.ones(len(models)) if counts is None else np.asarray(counts, dtype=float)
    saturation = np.array([model.saturation_current_a for model in models], dtype=float) * count
    slope_voltage = np.array([model.emission_coefficient for model in models], dtype=float) * THERMAL_VOLTAGE_V
    series = np.array([model.series_resistance_ohm for model in models], dtype=float) / count
    return _assembled(saturation, slope_voltage, series, GMIN_S * count)


def behind_resistance(diodes: DiodeArrays, ohm: FloatArray) -> DiodeArrays:
    """The same junctions, each with `ohm` (K,) more in series, and without gmin."""
    series = diodes.series_resistance_ohm + ohm
    return _assembled(diodes.saturation_current_a, diodes.slope_voltage_v, series, np.zeros_like(series))


def _assembled(saturation: FloatArray, slope_voltage: FloatArray, series: FloatArray, gmin: FloatArray) -> DiodeArrays:
    critical = np.maximum(slope_voltage * np.log(slope_voltage / (math.sqrt(2) * saturation)), slope_voltage)
    resistive = series > 0
    offset, current = np.full_like(series, -np.inf), np.full_like(series, np.inf)
    scaled = (saturation * series / slope_voltage)[resistive]
    offset[resistive] = np.log(scaled) + scaled
    current[resistive] = slope_voltage[resistive] / series[resistive]
    all_resistive = bool(resistive.all())
    return DiodeArrays(saturation, slope_voltage, series, gmin, critical, offset, current, resistive, all_resistive)


def diode_current(u: FloatArray, diodes: DiodeArrays) -> tuple[FloatArray, FloatArray]:
    """Current (A) and slope di/du (S) of every diode at the drops `u` (V, shape (..., K)), gmin included.

    With series resistance the implicit equation has the closed solution i = (n·Vt/Rs)·ω(x) − Is with
    x = ln(Is·Rs/n·Vt) + (u + Is·Rs)/n·Vt, ω the Wright omega function (Banwell & Jayakumar, Electron. Lett. 36, 2000).
    """
    current, slope = _junction(u, diodes)
    current += diodes.gmin_s * u
    slope += diodes.gmin_s
    return current, slope


def diode_cocontent(u: FloatArray, diodes: DiodeArrays) -> FloatArray:
    """Co-content ∫₀ᵘ i du' (W) of every diode at the drops `u` (V, shape (..., K)), gmin included.

    With the junction drop u_j = u − Rs·i it is n·Vt·i − Is·u_j + ½·Rs·i².
    """
    current, _ = _junction(u, diodes)
    saturation, slope_voltage = diodes.saturation_current_a, diodes.slope_voltage_v
    series = diodes.series_resistance_ohm
    knee = np.where(series > 0, np.inf, slope_voltage * np.log(LINEAR_ABOVE_A / saturation))
    beyond = np.maximum(u - knee, 0.0)
    at_junction = np.minimum(u - series * current, knee)
    on_curve = np.where(beyond > 0, LINEAR_ABOVE_A - saturation, current)
    curve = slope_voltage * on_curve - saturation * at_junction + 0.5 * series * on_curve**2
    tangent = beyond * (on_curve + 0.5 * LINEAR_ABOVE_A * beyond / slope_voltage)
    return curve + tangent + 0.5 * diodes.gmin_s * u**2


def _junction(u: FloatArray, diodes: DiodeArrays) -> tuple[FloatArray, FloatArray]:
    """Current and slope without gmin."""
    if diodes.all_resistive:
        return _with_series_resistance(
            u, diodes.saturation_current_a, diodes.slope_voltage_v, diodes.omega_offset, diodes.omega_current_a
        )
    current, slope = np.empty_like(u), np.empty_like(u)
    bare, resistive = ~diodes.resistive, diodes.resistive
    current[..., resistive], slope[..., resistive] = _with_series_resistance(
        u[..., resistive],
        diodes.saturation_current_a[resistive],
        diodes.slope_voltage_v[resistive],
        diodes.omega_offset[resistive],
        diodes.omega_current_a[resistive],
    )
    current[..., bare], slope[..., bare] = _exponential(
        u[..., bare], diodes.saturation_current_a[bare], diodes.slope_voltage_v[bare]
    )
    return current, slope


def _with_series_resistance(
    u: FloatArray, saturation: FloatArray, slope_voltage: FloatArray, offset: FloatArray, scale: FloatArray
) -> tuple[FloatArray, FloatArray]:
    # Here, because importing it takes 0.2 s and boards without diodes never need it.
    from scipy.special import wrightomega  # pyright: ignore[reportMissingTypeStubs]

    argument = u / slope_voltage
    argument += offset
    omega = wrightomega(np.maximum(argument, OMEGA_ARGUMENT_FLOOR, out=argument))
    forward = omega * scale
    omega += 1.0
    omega *= slope_voltage
    return forward - saturation, forward / omega


def _exponential(u: FloatArray, saturation: FloatArray, slope_voltage: FloatArray) -> tuple[FloatArray, FloatArray]:
    on_curve = np.minimum(u, slope_voltage * np.log(LINEAR_ABOVE_A / saturation))
    forward = saturation * np.exp(on_curve / slope_voltage)
    return forward * (1.0 + (u - on_curve) / slope_voltage) - saturation, forward / slope_voltage
