"""Intervals of accuracies: they hold the true accuracy as often as they say."""

import numpy as np
import pytest
from scipy.stats import binom

from labrig.runs.report.intervals import wilson


@pytest.mark.parametrize(("accuracy", "count"), [(0.5, 60), (0.9, 60), (0.967, 60), (0.96, 300)])
def test_they_hold_the_true_accuracy_in_about_95_of_100_cases(accuracy, count):
    held = [low <= accuracy <= high for low, high in (wilson(right / count, count) for right in range(count + 1))]
    coverage = float(binom.pmf(np.arange(count + 1), count, accuracy) @ held)
    assert 0.92 < coverage < 0.985


def test_all_right_is_not_certain():
    low, high = wilson(1.0, 60)
    assert (low, high) == (pytest.approx(0.9398, abs=2e-4), 1.0)  # Wilson's score: 1 / (1 + 1.96² / 60)
