"""One node, one diode: milliamperes into a megohm, so that the full Newton step from zero overshoots a thousandfold."""

from __future__ import annotations

import numpy as np
import pytest

from labrig.network.resistive.diodes import DiodeModel
from labrig.network.resistive.junctions import diode_arrays
from labrig.network.resistive.solve.line_search import (
    STEEPEST_END,
    Line,
    by_decrease,
    by_slope,
    junction_limit,
    too_steep,
)
from labrig.network.resistive.solve.problem import energy, newton_step, posed, residual

SERIES = pytest.mark.parametrize("series_ohm", [0.0, 10.0])


def overshooting(series_ohm: float) -> Line:
    incidence = np.ones((1, 1))
    problem = posed(np.array([[1e-6]]), incidence, diode_arrays([DiodeModel(1e-12, 1.0, series_ohm)]), None)
    current_a = np.array([[1e-3], [1e-2]])
    v = np.zeros((2, 1))
    missing, slope_s = residual(problem, current_a, v, v @ incidence)
    step = newton_step(problem, slope_s, missing)
    bend = np.abs(step / problem.diodes.slope_voltage_v).max(axis=1)
    return Line(problem, current_a, v, step, bend, (missing * step).sum(axis=1))


@SERIES
def test_the_full_step_is_refused(series_ohm):
    line = overshooting(series_ohm)
    full = np.ones(2)
    assert too_steep(line, full, line.slope(full)).all()
    assert (energy(line.problem, line.current_a, line.at(full)) > energy(line.problem, line.current_a, line.v)).all()


@SERIES
def test_by_decrease_lowers_the_energy(series_ohm):
    line = overshooting(series_ohm)
    alpha = by_decrease(line)
    assert ((alpha > 0) & (alpha < 1)).all()
    assert (energy(line.problem, line.current_a, line.at(alpha)) < energy(line.problem, line.current_a, line.v)).all()


@SERIES
def test_by_slope_ends_no_steeper_than_allowed(series_ohm):
    line = overshooting(series_ohm)
    full = np.ones(2)
    alpha = by_slope(line, full, line.slope(full))
    assert alpha is not None
    assert (np.abs(line.slope(alpha)) <= STEEPEST_END * line.descent).all()


def test_slope_is_the_derivative_of_the_energy():
    line = overshooting(10.0)
    alpha, small = np.full(2, 3e-4), 1e-8
    rise = energy(line.problem, line.current_a, line.at(alpha + small))
    rise -= energy(line.problem, line.current_a, line.at(alpha - small))
    np.testing.assert_allclose(rise / (2 * small), line.slope(alpha), rtol=1e-5)


def test_junction_limit_is_that_of_spice():
    diodes = diode_arrays([DiodeModel(1e-12, 1.0, 0.0)] * 2)
    nvt, critical = diodes.slope_voltage_v[0], diodes.critical_voltage_v[0]
    u = np.array([[0.0, 0.0], [0.7, 0.0], [0.0, 0.0], [-5.0, 0.0]])
    du = np.array([[10.0, -10.0], [1.0, 0.0], [0.1, -99.0], [6.0, 0.0]])
    expected = [critical / 10, nvt * np.log1p(1 / nvt), 1.0, (critical + 5) / 6]
    np.testing.assert_allclose(junction_limit(u, du, diodes), expected, rtol=1e-12)
