"""Axes of plots and reports: an outlier does not stretch them, and what lies outside is counted."""

import numpy as np
import pytest

from labrig.runs.plots.canvas import new_figure, own_settings
from labrig.runs.plots.scales import fit


def axis():
    with own_settings():
        return new_figure(3, 2).subplots()


def test_an_outlier_lies_outside_and_is_counted():
    values = np.r_[np.random.default_rng(0).normal(1.0, 0.1, 500), 80.0]
    drawn = axis()
    assert fit(drawn, values) == 1
    assert drawn.get_ylim()[1] < 2


def test_values_that_must_be_shown_are():
    drawn = axis()
    assert fit(drawn, np.random.default_rng(0).normal(1.0, 0.1, 500), np.array([80.0])) == 0
    assert drawn.get_ylim()[1] > 80


@pytest.mark.parametrize(("zeros", "scale"), [([], "log"), ([0.0], "symlog"), ([0.0] * 150, "symlog")])
def test_decades_are_logarithmic_and_zeros_among_them_are_seen(zeros, scale):
    values = np.geomspace(1e-6, 1.0, 200)
    drawn = axis()
    assert fit(drawn, np.r_[zeros, values]) == 0
    assert drawn.get_yscale() == scale
    low, high = drawn.get_ylim()
    assert low < min([1e-6, *zeros])
    assert high > 1.0


def test_two_values_may_span_decades():
    drawn = axis()
    fit(drawn, np.array([0.06, 1e-3]))
    assert drawn.get_yscale() == "log"


def test_one_large_value_does_not_make_an_axis_logarithmic():
    drawn = axis()
    fit(drawn, np.r_[np.linspace(1, 2, 500), 1e6])
    assert drawn.get_yscale() == "linear"


def test_nothing_and_equal_values():
    assert fit(axis(), np.array([])) == 0
    assert fit(axis(), np.array([np.nan])) == 0
    drawn = axis()
    assert fit(drawn, np.zeros(3)) == 0
    low, high = drawn.get_ylim()
    assert low < 0 < high
