"""The joint least squares against direct sums, the Cramér–Rao bound, and a tone 6000 times smaller."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labrig.errors import ConfigError
from labrig.lockin.estimator import at_rows, basis, dirichlet, gram, joint_least_squares


@given(st.floats(-20, 20), st.integers(1, 200))
def test_dirichlet_is_the_sum_over_centred_samples(omega, n):
    m = np.arange(n) - (n - 1) / 2
    assert dirichlet(omega, n) == pytest.approx(np.exp(1j * omega * m).sum().real, abs=1e-10)


@pytest.mark.parametrize("n", [7, 8])
@pytest.mark.parametrize("turns", [-2, -1, 0, 1, 2])
def test_dirichlet_at_whole_turns(n, turns):
    assert abs(dirichlet(2 * np.pi * turns, n)) == n


@given(st.lists(st.floats(0.01, 3.1), max_size=4), st.integers(1, 300))
def test_the_gram_matrix_is_that_of_the_basis(omegas, n):
    columns = basis(omegas, n)
    np.testing.assert_allclose(gram(omegas, n), columns.T @ columns, atol=1e-10)


@pytest.mark.parametrize(("cycles", "n"), [((9, 12), 200), ((9.37, 12.81), 203)], ids=["coherent", "non-integer"])
def test_the_variance_is_the_cramer_rao_bound(cycles, n):
    omegas = 2 * np.pi * np.array(cycles) / n
    fit = joint_least_squares(omegas, n)
    theta = fit.fit(np.random.default_rng(1).normal(size=(n, 20_000)))
    variance = theta.var(axis=1)
    np.testing.assert_allclose(variance / fit.variance_gains, 1, rtol=0.05)
    bound = np.array([1, 2, 2, 2, 2]) / n
    assert 0.95 < (variance / bound).mean() < 1.05


def test_gains_of_a_coherent_window():
    gains = joint_least_squares(2 * np.pi * np.array([9, 12]) / 200, 200).variance_gains
    np.testing.assert_allclose(gains, np.array([1, 2, 2, 2, 2]) / 200, rtol=1e-12)


@pytest.mark.parametrize("n", [200, 201, 257, 1000, 1003, 1499, 5000])
def test_a_tone_6000_times_smaller_is_right_to_a_ppb_of_full_scale(n):
    omegas = 2 * np.pi * np.array([0.0302, 0.0417])
    large, small = 0.8 * np.exp(0.3j), 0.8 / 6000 * np.exp(2.1j)
    m = np.arange(n) - (n - 1) / 2
    x = 0.1 + (large * np.exp(1j * omegas[0] * m) + small * np.exp(1j * omegas[1] * m)).real
    theta = joint_least_squares(omegas, n).fit(x[:, np.newaxis])[:, 0]
    assert abs(theta[0] - 0.1) < 1e-9
    assert abs(theta[1] - 1j * theta[2] - large) < 1e-9
    assert abs(theta[3] - 1j * theta[4] - small) < 1e-9


def test_the_residual_covariance_is_that_of_the_noise():
    rng = np.random.default_rng(2)
    true = np.array([[4.0, 1.0], [1.0, 2.0]])
    x = rng.multivariate_normal([0, 0], true, size=20_000) + np.cos(0.3 * np.arange(20_000))[:, np.newaxis] * 100
    fit = joint_least_squares([0.3], len(x))
    residual, freedom = fit.residual(x, fit.fit(x))
    np.testing.assert_allclose(residual.T @ residual / freedom, true, atol=0.15)


def test_rows_left_out_do_not_bias_the_fit():
    omegas = [0.3, 0.5]
    full = joint_least_squares(omegas, 100)
    x = full.basis @ np.array([[0.5], [1.0], [2.0], [3.0], [-4.0]])
    rows = np.arange(100) % 7 != 3
    np.testing.assert_allclose(at_rows(full, rows).fit(x[rows])[:, 0], [0.5, 1, 2, 3, -4], rtol=1e-12)


def test_a_fit_without_tones_is_the_mean():
    x = np.random.default_rng(3).normal(size=(50, 3))
    np.testing.assert_allclose(joint_least_squares([], 50).fit(x)[0], x.mean(axis=0), atol=1e-15)


def test_fits_that_cannot_work_are_refused():
    with pytest.raises(ConfigError, match="3 samples"):
        joint_least_squares([0.5], 3)
    with pytest.raises(ConfigError, match="too close"):
        joint_least_squares([0.5, 0.5 + 1e-8], 100)
