"""What rounding does to means and tones, against Monte Carlo."""

from __future__ import annotations

import numpy as np
import pytest

from labrig.instruments.data import AcquisitionPlan, Block
from labrig.lockin.demodulator import Demodulator
from labrig.lockin.estimator import joint_least_squares
from labrig.lockin.rounding import NOISE_AVERAGES_IT, mean_square, noise_before_rounding, rounding_variance

PERIOD, SAMPLES = 20, 400


@pytest.mark.parametrize("sigma", [0.0, 0.1, 0.2, 0.3, 0.45])
def test_the_error_of_a_mean(sigma):
    generator = np.random.default_rng(1)
    levels = np.arange(-0.5, 0.5, 0.005)[:, np.newaxis]
    read = np.rint(levels + sigma * generator.standard_normal((len(levels), 20_000)))
    error = read.mean(axis=1) - levels[:, 0]
    sampling = read.var(axis=1).mean() / read.shape[1]
    assert np.mean(error**2) - sampling == pytest.approx(mean_square(np.array(sigma)), rel=0.05, abs=3e-6)


@pytest.mark.parametrize("sigma", [0.1, 0.25, 0.5])
def test_the_noise_is_found_behind_the_rounding(sigma):
    generator = np.random.default_rng(2)
    levels = generator.uniform(-0.5, 0.5, 2000)
    read = np.rint(levels[:, np.newaxis] + sigma * generator.standard_normal((len(levels), 400)))
    found = noise_before_rounding(read.var(axis=1, ddof=1))
    assert found.mean() == pytest.approx(sigma, rel=0.05)


def test_above_the_limit_it_is_noise():
    sigma = np.sqrt(NOISE_AVERAGES_IT - 1 / 12)
    assert np.sqrt(mean_square(np.array(sigma))) < 2e-4


@pytest.mark.parametrize("amplitude", [0.0, 0.1, 0.3, 1.7, 8.3])
@pytest.mark.parametrize("sigma", [0.0, 0.15])
def test_the_error_of_the_coefficients_of_a_tone(amplitude, sigma):
    generator = np.random.default_rng(3)
    fit = joint_least_squares([2 * np.pi * 3 / PERIOD], SAMPLES)
    turn = fit.basis[:, 1] * amplitude
    levels = np.arange(-0.5, 0.5, 0.002)
    noise = sigma * generator.standard_normal((SAMPLES, len(levels)))
    theta = fit.fit(np.rint(levels + turn[:, np.newaxis] + noise)).T - np.stack(
        (levels, np.full_like(levels, amplitude), np.zeros_like(levels)), axis=1
    )
    weights = fit.pseudo_inverse[:, :PERIOD] * (SAMPLES / PERIOD)
    said = rounding_variance(np.array([sigma]), turn[:PERIOD, np.newaxis], weights)[:, 0]
    sampling = fit.variance_gains * (sigma**2 + 1 / 12) * (sigma > 0)
    least = 0.85 if sigma else 0.7  # without noise, many more harmonics than are summed count
    for k in range(3):
        real = np.mean(theta[:, k] ** 2)
        assert least * said[k] - 1e-12 <= real <= 1.2 * said[k] + 1.5 * sampling[k] + 1e-12


def demodulated(levels_v, step_v, noise_v):
    plan = AcquisitionPlan(10e3, 0, SAMPLES, tuple("abc"), (10.0,) * 3, (0.0,) * 3)
    demodulator = Demodulator(plan, [1500.0], np.array([[1.0, -1.0, 0.0]]), None)
    volts = np.tile(levels_v, (SAMPLES, 1)) + noise_v * np.random.default_rng(4).standard_normal((SAMPLES, 3))
    codes = np.rint(volts / step_v).astype(np.int16)
    scale = np.tile([0.0, step_v, 0.0, 0.0], (3, 1))
    demodulator.feed(Block(codes, scale, 0, np.zeros(3, dtype=bool)))
    return demodulator.result()


def test_levels_that_never_change_their_code_are_known_to_a_step_over_root_12():
    read = demodulated([0.3, -1.3, 0.7], 1.0, 0.0)
    assert read.u_edge_dc[0] == 0
    assert read.systematic_edge_dc[0] == pytest.approx(np.sqrt(2 / 12), rel=1e-3)
    assert read.systematic_edge[0, 0] > 0.05  # a tone that hides is no certain zero


def test_with_enough_noise_nothing_is_added():
    assert demodulated([0.3, -1.3, 0.7], 1.0, 1.0).systematic_edge_dc[0] == 0


def test_volts_are_not_rounded():
    plan = AcquisitionPlan(10e3, 0, SAMPLES, ("a",), (10.0,), (0.0,))
    demodulator = Demodulator(plan, [1500.0], np.array([[1.0]]), None)
    demodulator.feed(Block(np.full((SAMPLES, 1), 0.3), np.array([[0.0, 1.0, 0.0, 0.0]]), 0, np.zeros(1, dtype=bool)))
    assert demodulator.result().systematic_edge_dc[0] == 0
