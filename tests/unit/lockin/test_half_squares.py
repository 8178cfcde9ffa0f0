"""½u² locked in from products of channels, against the sum that defines it, sample by sample."""

from __future__ import annotations

import numpy as np
import pytest

from labrig.instruments.data import AcquisitionPlan, Block
from labrig.lockin.demodulator import Demodulator
from labrig.lockin.drops import DropTerms, GatheredDrops, MatrixDrops
from labrig.lockin.half_squares import ChannelErrors, lock_in_half_squares

RATE, N = 50e3, 1000
CYCLES = (40, 35, 45)  # a tone and its sidebands
F = tuple(k * RATE / N for k in CYCLES)
# The last drop is no difference of two channels.
MATRIX = np.array([[1.0, -1.0, 0.0, 0.0], [0.0, 1.0, -1.0, 0.0], [0.5, 0.5, -2.0, 0.0]])


def board(t: np.ndarray, error: float = 1e-3, phase: float = 0.3) -> np.ndarray:
    """Three channels with harmonics of the activation and an answer to the error that follows the moment; a pilot."""
    x = np.cos(2 * np.pi * F[0] * t + phase)
    weak = error * x * np.cos(2 * np.pi * (F[2] - F[0]) * t)
    slope = 1 / (1 + 2 * x**2)
    strong = (x, np.tanh(2 * x), 0.3 * x + 0.2 * x**3 - 0.1 * x**2)
    pilot = sum(np.cos(2 * np.pi * f * t + phase) for f in F) / 3
    return np.column_stack([strong[0] + weak, strong[1] + slope * weak, strong[2] - 0.5 * weak, pilot])


def demodulator(skew_s=(0.0,) * 4, offset=0.0, gain=0.0) -> Demodulator:
    plan = AcquisitionPlan(RATE, 0, N, tuple("abcp"), (5.0,) * 4, skew_s, u_offset_v=offset, u_gain=gain)
    return Demodulator(plan, F, MATRIX, 3)


def read(unit: Demodulator, volts: np.ndarray, beats=((1, 0), (2, 0))):
    unit.start()
    scale = np.tile([0.0, 1.0, 0.0, 0.0], (4, 1))
    unit.feed(Block(volts, scale, start_index=0, overrange=np.full(4, False)))
    return unit.half_squares(unit.result(), beats)


def defined(volts: np.ndarray) -> np.ndarray:
    t = np.arange(N) / RATE
    u = volts @ MATRIX.T
    return 2 / N * np.cos(2 * np.pi * (F[2] - F[0]) * t) @ (0.5 * u**2)


def test_both_sidebands_read_the_defining_sum():
    volts = board(np.arange(N) / RATE)
    found = read(demodulator(), volts)
    for row in found.value:
        np.testing.assert_allclose(row, defined(volts), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("way", [MatrixDrops, lambda m, a: GatheredDrops(DropTerms.of_matrix(m), a)])
def test_drops_of_any_number_of_channels(way):
    rng = np.random.default_rng(1)
    matrix = np.zeros((20, 6))
    for row in matrix:
        row[rng.choice(6, rng.integers(0, 5), replace=False)] = rng.normal()
    volts, reference = rng.normal(size=(50, 6)), rng.normal(size=50)
    errors = ChannelErrors(np.zeros(20), 0.01, 0.0, np.zeros(6), 50)
    found = lock_in_half_squares(volts, reference[np.newaxis], way(matrix, np.zeros((1, 6))), errors)
    u = volts @ matrix.T
    np.testing.assert_allclose(found.value[0], reference @ (0.5 * u**2), rtol=1e-9, atol=1e-12)
    by_channel = np.array([reference @ (u * np.outer(volts[:, k], matrix[:, k])) for k in range(6)])
    np.testing.assert_allclose(found.systematic[0], 0.01 * np.linalg.norm(by_channel, axis=0), rtol=1e-6, atol=1e-10)


def test_skewed_channels_are_read_as_if_they_were_simultaneous():
    skew = np.array([0.0, 3e-6, 7e-6, 12e-6])
    t = np.arange(N)[:, np.newaxis] / RATE + skew
    late = np.column_stack([board(t[:, k])[:, k] for k in range(4)])
    wanted = defined(board(np.arange(N) / RATE))
    np.testing.assert_allclose(read(demodulator(tuple(skew)), late).value[1], wanted, rtol=1e-6, atol=1e-12)
    assert np.abs(read(demodulator(), late).value[1] - wanted).max() > 1e-3 * np.abs(wanted).max()


def test_the_standard_error_is_the_scatter():
    rng, unit = np.random.default_rng(3), demodulator()
    clean = board(np.arange(N) / RATE)
    noise = (1e-3, 3e-3, 2e-3, 0.0)
    found = [read(unit, clean + rng.normal(size=clean.shape) * noise) for _ in range(400)]
    scatter = np.std([each.value for each in found], axis=0, ddof=1)
    np.testing.assert_allclose(np.mean([each.standard_error for each in found], axis=0), scatter, rtol=0.12)


def test_zero_and_gain_of_the_channels_enter():
    clean = board(np.arange(N) / RATE)
    plain = read(demodulator(), clean)
    assert not plain.systematic.any()
    for drawn, unit in (
        (lambda rng: clean + rng.normal(size=4) * 1e-3 * (1, 1, 1, 0), demodulator(offset=1e-3)),
        (lambda rng: clean * (1 + rng.normal(size=4) * 1e-3 * (1, 1, 1, 0)), demodulator(gain=1e-3)),
    ):
        rng = np.random.default_rng(5)
        off = [read(unit, drawn(rng)).value[1] - plain.value[1] for _ in range(300)]
        np.testing.assert_allclose(read(unit, clean).systematic[1], np.std(off, axis=0), rtol=0.15, atol=1e-12)


def test_with_dc_as_activation_the_beat_is_at_the_error_tone():
    t = np.arange(N) / RATE
    tone = np.cos(2 * np.pi * F[0] * t)
    volts = np.column_stack([0.5 + 1e-3 * tone, 0.1 - 2e-3 * tone, -0.2 + 0 * t, board(t, phase=0.0)[:, 3]])
    found = read(demodulator(), volts, [(0, None)])
    np.testing.assert_allclose(found.value[0], [0.4 * 3e-3, 0.3 * -2e-3, 0.7 * -0.5e-3], rtol=1e-6)
