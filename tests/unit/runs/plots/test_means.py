"""Means over several steps: how many, and where they are drawn."""

import numpy as np
import pytest

from labrig.runs.plots.means import LEAST_FOR_MEANS, binned, mean_width


@pytest.mark.parametrize(("count", "width"), [(1, 1), (199, 1), (200, 10), (1500, 10), (1501, 11), (30_000, 200)])
def test_width(count: int, width: int) -> None:
    assert mean_width(count) == width


def test_bins_are_in_the_middle_of_their_steps() -> None:
    step = np.arange(1, 26)
    middle, bins = binned(step, np.append(step[:-1] ** 2.0, np.nan), 10)
    assert middle.tolist() == [6, 16, 23]
    assert np.nanmean(bins, axis=1).tolist() == [38.5, 248.5, np.mean([441, 484, 529, 576])]


def test_a_bin_with_one_value_has_no_mean_to_speak_of() -> None:
    step = np.arange(LEAST_FOR_MEANS + 1)
    middle, bins = binned(step, np.ones(len(step)), 10)
    assert len(middle) == len(bins) == 20
