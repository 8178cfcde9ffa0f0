"""Drops by gather against the dense matrix products that define them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labrig.errors import ConfigError
from labrig.lockin.drops import Drops


@given(
    seed=st.integers(0, 2**32 - 1),
    edges=st.integers(0, 40),
    channels=st.integers(1, 12),
    most_terms=st.integers(0, 4),
)
def test_any_matrix_gives_what_dense_products_give(seed, edges, channels, most_terms):
    rng = np.random.default_rng(seed)
    matrix = np.zeros((edges, channels))
    for row in matrix:
        terms = rng.integers(0, min(most_terms, channels) + 1)
        row[rng.choice(channels, terms, replace=False)] = rng.normal(size=terms)
    drops = Drops(matrix)
    values = rng.normal(size=(3, channels))
    np.testing.assert_allclose(drops.of(values), values @ matrix.T, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(drops.of_squares(values**2), values**2 @ (matrix**2).T, rtol=1e-12, atol=1e-14)

    scatter = rng.normal(size=(50, channels)) + rng.normal(size=(50, 1))
    covariance = scatter.T @ scatter / 49
    angles = rng.normal(size=(2, channels))
    turned = covariance * np.cos(angles[:, :, None] - angles[:, None, :])
    variance = drops.of_squares(np.diagonal(covariance)) + drops.common_noise(scatter, 49, drops.rotations(angles))
    np.testing.assert_allclose(
        variance + np.zeros((2, edges)), ((matrix @ turned) * matrix).sum(axis=-1), rtol=1e-9, atol=1e-12
    )


def test_sparse_and_dense_boards_agree():
    """Many edges on few channels take one matrix product, few edges on many channels a pass for each edge."""
    rng = np.random.default_rng(5)
    matrix = np.zeros((6, 60))
    for row in matrix:
        row[rng.choice(60, 2, replace=False)] = 1.0, -1.0
    scatter = rng.normal(size=(100, 60))
    angles = rng.normal(size=(1, 60))
    few, many = Drops(matrix), Drops(np.tile(matrix, (200, 1)))
    np.testing.assert_allclose(
        np.tile(few.common_noise(scatter, 99, few.rotations(angles)), 200),
        many.common_noise(scatter, 99, many.rotations(angles)),
        rtol=1e-12,
    )


def test_drops_that_are_no_matrix_are_refused():
    with pytest.raises(ConfigError, match="not a matrix"):
        Drops([1.0, -1.0])
