from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from labrig.errors import ConfigError
from labrig.network.resistive.diodes import DIODES, SCHOTTKY, THERMAL_VOLTAGE_V, DiodeModel
from labrig.network.resistive.junctions import (
    GMIN_S,
    LINEAR_ABOVE_A,
    diode_arrays,
    diode_cocontent,
    diode_current,
    tangent,
)

DROPS = np.concatenate([np.linspace(-5, 5, 401), [-1e6, -700.0, 100.0, 1e6]])


def test_thermal_voltage_is_25_9_mv():
    assert pytest.approx(0.0258648, abs=5e-7) == THERMAL_VOLTAGE_V


def test_the_parts():
    assert set(DIODES) == {"BAT54", "1N4148", "1N5711", "1N34A", "HSMS-285x", "HSMS-282x"}
    assert DIODES["BAT54"] == DiodeModel(2.117e-7, 1.016, 2.637, 36.0, 1.196e-6, *SCHOTTKY)
    for name, at_1_ua in {"BAT54": 0.0460, "1N4148": 0.2713, "1N5711": 0.1857, "HSMS-282x": 0.1073}.items():
        model = DIODES[name]
        u = np.array([[at_1_ua]])
        assert diode_current(u, diode_arrays([model]))[0][0, 0] == pytest.approx(1e-6, rel=0.01), name


@pytest.mark.parametrize("part", DIODES)
def test_current_satisfies_the_implicit_equation(part):
    model = DIODES[part]
    current, _ = diode_current(DROPS[:, None], diode_arrays([model]))
    shockley = current[:, 0] - GMIN_S * DROPS
    forward = (DROPS > 0) & (DROPS <= 100)
    slope_voltage = model.emission_coefficient * THERMAL_VOLTAGE_V
    junction = slope_voltage * np.log1p(shockley[forward] / model.saturation_current_a)
    np.testing.assert_allclose(junction + model.series_resistance_ohm * shockley[forward], DROPS[forward], rtol=1e-12)
    knee = model.breakdown_knee_v
    below = (DROPS < -0.5) & (-knee < DROPS)
    tail = 1 + (3 * slope_voltage / (np.e * DROPS[below])) ** 3
    np.testing.assert_allclose(shockley[below], -model.saturation_current_a * tail, rtol=1e-3)
    broken = (DROPS > -100) & (-knee - 0.1 > DROPS)
    back = -shockley[broken]
    at_junction = -knee - slope_voltage * np.log(back / model.saturation_current_a)
    np.testing.assert_allclose(at_junction - model.series_resistance_ohm * back, DROPS[broken], rtol=1e-10)


def test_without_series_resistance_it_is_the_exponential_and_a_tangent_where_it_would_overflow():
    model = DiodeModel(1e-9, 1.5, 0.0)
    nvt = 1.5 * THERMAL_VOLTAGE_V
    arrays = diode_arrays([model])
    drops = np.array([-0.1, 0.0, 0.3, 0.7])
    current, slope = diode_current(drops[:, None], arrays)
    np.testing.assert_allclose(current[:, 0], 1e-9 * np.expm1(drops / nvt) + GMIN_S * drops, rtol=1e-14, atol=1e-24)
    np.testing.assert_allclose(slope[:, 0], 1e-9 * np.exp(drops / nvt) / nvt + GMIN_S, rtol=1e-14)
    knee = nvt * np.log(LINEAR_ABOVE_A / 1e-9)
    current, slope = diode_current(knee + np.array([[-1e-9], [1e-9], [1.0], [1e8]]), arrays)
    np.testing.assert_allclose(current[:2, 0], LINEAR_ABOVE_A, rtol=1e-7)
    np.testing.assert_allclose(slope[:, 0], LINEAR_ABOVE_A / nvt, rtol=1e-7)
    assert current[2, 0] == pytest.approx(LINEAR_ABOVE_A * (1 + 1 / nvt), rel=1e-9)


@pytest.mark.parametrize("series_ohm", [0.0, 1e-3, 2.637, 1e4])
def test_slope_and_cocontent_are_the_derivative_and_the_integral_of_the_current(series_ohm):
    arrays = diode_arrays([DiodeModel(1e-7, 1.2, series_ohm, 0.6, 1e-4)])
    u = np.linspace(-1.0, 1.0, 81)[:, None]
    step = 1e-5
    before, after = diode_current(u - step, arrays)[0], diode_current(u + step, arrays)[0]
    np.testing.assert_allclose((after - before) / (2 * step), diode_current(u, arrays)[1], rtol=1e-6, atol=1e-12)
    rise = (diode_cocontent(u + step, arrays) - diode_cocontent(u - step, arrays)) / (2 * step)
    current = diode_current(u, arrays)[0]
    np.testing.assert_allclose(rise, current, rtol=1e-6, atol=1e-11 * max(1.0, float(np.abs(current).max())))
    assert diode_cocontent(np.zeros((1, 1)), arrays)[0, 0] == pytest.approx(0.0, abs=1e-20)


def test_no_drop_overflows_or_warns():
    models = [*DIODES.values(), *(dataclasses.replace(model, series_resistance_ohm=0.0) for model in DIODES.values())]
    u = np.array([-1e12, -1e3, -1.0, 0.0, 1.0, 1e3, 1e12])[:, None].repeat(len(models), axis=1)
    current, slope = diode_current(u, diode_arrays(models))
    assert np.isfinite(current).all()
    assert (slope >= GMIN_S).all()
    assert (np.diff(current, axis=0) > 0).all()


def test_count_is_that_many_diodes_side_by_side():
    u = np.linspace(-1, 1, 21)[:, None]
    one, slope_one = diode_current(u, diode_arrays([DIODES["BAT54"]]))
    three, slope_three = diode_current(u, diode_arrays([DIODES["BAT54"]], [3]))
    np.testing.assert_allclose(three, 3 * one, rtol=1e-12, atol=1e-20)
    np.testing.assert_allclose(slope_three, 3 * slope_one, rtol=1e-12)


@pytest.mark.parametrize("values", [(0.0, 1.0, 1.0), (1e-9, -1.0, 1.0), (1e-9, 1.0, -1.0), (float("nan"), 1.0, 0.0)])
def test_an_impossible_model_is_refused(values):
    with pytest.raises(ConfigError, match="diode model"):
        DiodeModel(*values)


@pytest.mark.parametrize("part", DIODES)
def test_at_its_breakdown_voltage_a_part_carries_about_its_breakdown_current(part):
    """SPICE's own formula for the knee misses IBV by up to a third."""
    model = DIODES[part]
    bare = dataclasses.replace(model, series_resistance_ohm=0.0)
    current, _ = diode_current(np.array([[-model.breakdown_voltage_v]]), diode_arrays([bare]))
    least = model.saturation_current_a * model.breakdown_voltage_v / THERMAL_VOLTAGE_V
    if model.breakdown_current_a >= least:
        assert -model.breakdown_current_a < current[0, 0] < -0.65 * model.breakdown_current_a
    else:
        assert current[0, 0] == pytest.approx(-model.saturation_current_a, rel=1e-2)


@pytest.mark.parametrize("current", [1e-6, 1e-3, -1e-5, -1e-3])
def test_the_tangent_for_a_current_touches_the_curve(current):
    arrays = diode_arrays([DiodeModel(1e-8, 1.1, 5.0, 4.0, 1e-4)])
    slope, drop = tangent(np.array([[current]]), arrays)
    there, steep = diode_current(drop, arrays)
    assert there[0, 0] == pytest.approx(current, rel=0.02)
    assert slope[0, 0] == pytest.approx(steep[0, 0], rel=0.02)
