"""Drops by gather and by small matrix products against the dense products that define them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labrig.errors import ConfigError
from labrig.lockin.drops import SMALL, DropTerms, GatheredDrops, MatrixDrops, prepare_drops


def gathered(matrix, angles):
    return GatheredDrops(DropTerms.of_matrix(matrix), angles)


@pytest.mark.parametrize("way", [gathered, MatrixDrops])
@given(
    seed=st.integers(0, 2**32 - 1),
    edges=st.integers(0, 40),
    channels=st.integers(1, 12),
    most_terms=st.integers(0, 4),
)
def test_any_matrix_gives_what_dense_products_give(way, seed, edges, channels, most_terms):
    rng = np.random.default_rng(seed)
    matrix = np.zeros((edges, channels))
    for row in matrix:
        terms = rng.integers(0, min(most_terms, channels) + 1)
        row[rng.choice(channels, terms, replace=False)] = rng.normal(size=terms)
    angles = rng.normal(size=(2, channels))
    drops = way(matrix, angles)
    values = rng.normal(size=(3, channels))
    np.testing.assert_allclose(drops.of(values), values @ matrix.T, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(drops.of_squares(values**2), values**2 @ (matrix**2).T, rtol=1e-12, atol=1e-14)

    scatter = rng.normal(size=(50, channels)) + rng.normal(size=(50, 1))
    covariance = scatter.T @ scatter / 49
    rotated = covariance * np.cos(angles[:, :, None] - angles[:, None, :])
    of_channels, of_drops = drops.variances(scatter, 49)
    np.testing.assert_allclose(of_channels, np.diagonal(covariance), rtol=1e-12)
    np.testing.assert_allclose(of_drops, ((matrix @ rotated) * matrix).sum(axis=-1), rtol=1e-9, atol=1e-12)


def test_boards_of_every_size_agree():
    """A small board takes the matrix, many edges one product of all channels, few edges on many channels each pair."""
    rng = np.random.default_rng(5)
    matrix = np.zeros((6, 60))
    for row in matrix:
        row[rng.choice(60, 2, replace=False)] = 1.0, -1.0
    scatter, angles = rng.normal(size=(100, 60)), rng.normal(size=(1, 60))
    small, few = prepare_drops(matrix, angles), gathered(matrix, angles)
    many = prepare_drops(np.tile(matrix, (200, 1)), angles)
    assert isinstance(small, MatrixDrops)
    assert isinstance(many, GatheredDrops)
    assert matrix.size <= SMALL
    for one, other in zip(small.variances(scatter, 99), few.variances(scatter, 99), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    np.testing.assert_allclose(
        np.tile(small.variances(scatter, 99)[1], 200), many.variances(scatter, 99)[1], rtol=1e-12
    )


@pytest.mark.parametrize(
    ("matrix", "message"), [([1.0, -1.0], "not a matrix"), ([[1.0, -1.0]], "have 2 columns, but there are 3 channels")]
)
def test_drops_that_do_not_match_the_channels_are_refused(matrix, message):
    with pytest.raises(ConfigError, match=message):
        prepare_drops(matrix, np.zeros((1, 3)))


def test_terms_and_their_matrix_are_the_same_drops():
    matrix = np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.5, -0.5], [0.0, 0.0, 0.0]])
    np.testing.assert_array_equal(DropTerms.of_matrix(matrix).matrix, matrix)
    angles, values = np.zeros((1, 3)), np.array([3.0, 1.0, 2.0])
    from_terms = prepare_drops(DropTerms.of_matrix(matrix), angles)
    np.testing.assert_array_equal(from_terms.of(values), matrix @ values)
    np.testing.assert_array_equal(prepare_drops(matrix, angles).of(values), matrix @ values)
