"""Axes of a report: an outlier does not stretch them, and what lies outside is counted."""

import numpy as np

from labrig.runs.plots.canvas import new_figure, own_settings
from labrig.runs.report.scales import fit


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


def test_decades_are_logarithmic_and_a_zero_among_them_lies_outside():
    values = np.geomspace(1e-6, 1.0, 200)
    drawn = axis()
    assert fit(drawn, np.r_[0.0, values]) == 1
    assert drawn.get_yscale() == "log"
    low, high = drawn.get_ylim()
    assert low <= 1e-6 < 1.0 <= high


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
