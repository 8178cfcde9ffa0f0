"""Random numbers of a position: distributed as they should be, and the same whatever was drawn before."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import kstest

from labrig.random_streams import DRAWN_AT_ONCE, RandomStream, _normals_of_half_variance


def test_uniform_numbers_of_many_places_are_uniform_and_unrelated() -> None:
    stream = RandomStream(3, "phases")
    drawn = np.array([stream.uniform(place) for place in range(20_000)])
    assert 0 <= drawn.min() < 1e-3
    assert 1 - 1e-3 < drawn.max() < 1
    counts, _ = np.histogram(drawn, bins=20, range=(0, 1))
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000)
    assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 5 / np.sqrt(len(drawn))


def test_a_place_has_its_number_by_seed_name_and_place_alone() -> None:
    stream = RandomStream(3, "phases")
    stream.at(7).normal(size=5)
    assert stream.uniform(4, 5) == RandomStream(3, "phases").uniform(4, 5)
    others = (RandomStream(4, "phases").uniform(4, 5), RandomStream(3, "noise").uniform(4, 5), stream.uniform(5, 4))
    assert stream.uniform(4, 5) not in others


def test_the_table_of_noise_gives_a_normal_distribution() -> None:
    """Exact: all 2^32 sums of two entries, compared with the normal distribution."""
    table = np.sort(_normals_of_half_variance().astype(float))
    assert np.mean(table) == pytest.approx(0, abs=1e-15)
    assert 2 * np.mean(table**2) == pytest.approx(1, abs=1e-6)
    for limit in np.linspace(0, 5, 21):
        beyond = (len(table) - np.searchsorted(table, limit - table)).sum() / len(table) ** 2
        assert beyond == pytest.approx(NormalDist().cdf(-limit), abs=2e-5, rel=0.02 if 0 < limit <= 4 else 0.2)


def test_noise_is_normal_and_white() -> None:
    rows, width, rms = 300, 2000, 1e-4
    drawn = RandomStream(3, "noise/daq").noise((rows, width), rms, 5, 2)
    count, normal = drawn.size, drawn / rms
    assert kstest(normal.ravel(), "norm").pvalue > 1e-3
    assert abs(normal.mean()) < 4 / np.sqrt(count)
    assert abs(np.mean(normal**2) - 1) < 4 * np.sqrt(2 / count)
    assert abs(np.mean(normal**3)) < 4 * np.sqrt(15 / count)
    assert abs(np.mean(normal**4) - 3) < 4 * np.sqrt(96 / count)
    tail = 2 * NormalDist().cdf(-4.5) * count
    assert abs((np.abs(normal) > 4.5).sum() - tail) < 5 * np.sqrt(tail)
    # Independent of its neighbors in time, in the scan, and in the order of drawing, also in size.
    for values in (normal, normal**2 - 1):
        flat = values.ravel()
        for lag in (1, 2, 3, 4, width, DRAWN_AT_ONCE):
            size = np.mean(flat**2)
            assert abs(np.mean(flat[lag:] * flat[:-lag]) / size) < 5 / np.sqrt(count), lag
    # The two of a pair, also far out, where a dependence would show first.
    first, second = flat_pairs = normal.reshape(-1, 2).T
    for limit in (0.5, 1.0, 2.0, 2.5):
        one, other = np.abs(flat_pairs) > limit
        expected = (2 * NormalDist().cdf(-limit)) ** 2 * len(first)
        assert abs((one & other).sum() - expected) < 5 * np.sqrt(expected)
    assert kstest(np.hypot(first, second) ** 2, "expon", args=(0, 2)).pvalue > 1e-3
    assert kstest(np.arctan2(second, first), "uniform", args=(-np.pi, 2 * np.pi)).pvalue > 1e-3
    # Power at each frequency, mean over the channels.
    power = np.mean(np.abs(np.fft.rfft(normal, axis=0)) ** 2, axis=1)[1:-1] / rows
    assert np.abs(power - 1).max() < 5 / np.sqrt(width)


def test_noise_depends_on_seed_name_and_position_alone() -> None:
    stream, shape = RandomStream(3, "noise/daq"), (300, 100)  # more than are drawn at once
    assert shape[0] * shape[1] > DRAWN_AT_ONCE
    drawn = stream.noise(shape, 1e-4, 5, 2)
    stream.at(7).normal(size=5)
    np.testing.assert_array_equal(stream.noise(shape, 1e-4, 5, 2), drawn)
    np.testing.assert_array_equal(
        RandomStream(3, "noise/daq").noise((170, 99), 1e-4, 5, 2).ravel(), drawn.ravel()[:16830]
    )
    np.testing.assert_array_equal(stream.noise((1, 3), 1e-4, 5, 2).ravel(), drawn.ravel()[:3])
    others = [
        RandomStream(4, "noise/daq").noise(shape, 1e-4, 5, 2),
        RandomStream(3, "noise/da").noise(shape, 1e-4, 5, 2),
        stream.noise(shape, 1e-4, 5, 3),
        stream.noise(shape, 1e-4, 2, 5),
    ]
    for other in others:
        assert abs(np.corrcoef(other.ravel(), drawn.ravel())[0, 1]) < 5 / np.sqrt(drawn.size)
