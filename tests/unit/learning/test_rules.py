"""The rule on plain linear algebra: any carrier of the error, the sign, and the standard error."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labrig.errors import SourceMisfit
from labrig.learning.measurement import Response
from labrig.learning.rules.frequency_propagation import product

NODES, EDGES, OUTPUTS = 6, 9, 3


class Read(SimpleNamespace):
    """A response of which only what is needed is known."""

    constant_slope = None
    slope = Response.slope


def known(a: np.ndarray, u_a: np.ndarray, b: np.ndarray, u_b: np.ndarray, error: np.ndarray) -> Read:
    """What a rig reads with instruments whose zero and gain are right, and sources that are exact."""
    exact = {"systematic_a": np.zeros_like(a), "systematic_b": np.zeros_like(b)}
    return Read(a=a, u_a=u_a, b=b, u_b=u_b, error=error, u_error=None, **exact)


class Board:
    """A linear network: H(θ) v = x, drops D v, the last three nodes are outputs, C = |v_o − y|²."""

    def __init__(self, seed: int) -> None:
        draw = np.random.default_rng(seed)
        self.drops = np.zeros((EDGES, NODES))
        for row in self.drops:
            i, j = draw.choice(NODES, 2, replace=False)
            row[i], row[j] = 1.0, -1.0
        self.theta = draw.uniform(0.5, 2.0, EDGES)
        self.load = draw.uniform(0.1, 1.0, NODES)
        self.x = draw.normal(size=NODES)
        self.y = draw.normal(size=OUTPUTS)

    def solve(self, theta: np.ndarray, current: np.ndarray) -> np.ndarray:
        return np.linalg.solve(self.drops.T @ np.diag(theta) @ self.drops + np.diag(self.load), current)

    def cost(self, theta: np.ndarray) -> float:
        return float(np.sum((self.solve(theta, self.x)[-OUTPUTS:] - self.y) ** 2))

    def measured(self, error: np.ndarray) -> Read:
        """What a rig reads with these currents (K, O) injected into the outputs."""
        k = len(error)
        current = np.hstack([np.zeros((k, NODES - OUTPUTS)), error])
        b = np.array([self.drops @ self.solve(self.theta, row) for row in current])
        a = self.drops @ self.solve(self.theta, self.x)
        return known(a, np.zeros(EDGES), b, np.zeros((k, EDGES)), error)

    def loss_gradient(self) -> np.ndarray:
        return 2 * (self.solve(self.theta, self.x)[-OUTPUTS:] - self.y)

    def gradient(self) -> np.ndarray:
        steps = 1e-6 * np.eye(EDGES)
        return np.array([(self.cost(self.theta + h) - self.cost(self.theta - h)) / 2e-6 for h in steps])


@given(st.integers(0, 10_000), st.floats(1e-9, 1e3))
def test_one_shared_tone(seed, gamma):
    board = Board(seed)
    e = board.loss_gradient()
    measured = board.measured(-gamma * e[np.newaxis])
    found = product(measured, measured, e)
    np.testing.assert_allclose(found.value, board.gradient(), rtol=1e-5, atol=1e-6)


@given(st.integers(0, 10_000))
def test_one_tone_per_output(seed):
    board = Board(seed)
    e = board.loss_gradient()
    currents = np.diag(np.random.default_rng(seed).uniform(-2e-6, 2e-6, OUTPUTS))
    measured = board.measured(currents)
    found = product(measured, measured, e)
    np.testing.assert_allclose(found.value, board.gradient(), rtol=1e-5, atol=1e-6)


def test_any_independent_combination_of_tones_carries_the_error():
    board = Board(1)
    e = board.loss_gradient()
    measured = board.measured(np.random.default_rng(5).normal(size=(OUTPUTS, OUTPUTS)))
    np.testing.assert_allclose(product(measured, measured, e).value, board.gradient(), rtol=1e-5)


def test_currents_that_cannot_carry_the_error_are_refused():
    board = Board(2)
    measured = board.measured(np.array([[1e-6, 0.0, 0.0]]))
    with pytest.raises(SourceMisfit, match="deviate from the requested ones by"):
        product(measured, measured, board.loss_gradient())
    silent = board.measured(np.zeros((1, OUTPUTS)))
    with pytest.raises(SourceMisfit, match="deviate from the requested ones by"):
        product(silent, silent, board.loss_gradient())


def test_an_error_too_small_to_be_played_teaches_nothing():
    board = Board(2)
    e = board.loss_gradient()
    silent = board.measured(np.zeros((1, OUTPUTS)))
    np.testing.assert_array_equal(product(silent, silent, e, floor=100 * np.abs(e).max()).value, 0.0)
    with pytest.raises(SourceMisfit):
        product(silent, silent, e, floor=10 * np.abs(e).max())


def test_a_comes_from_the_measurement_without_error():
    board = Board(3)
    e = board.loss_gradient()
    free, nudged = board.measured(np.zeros((1, OUTPUTS))), board.measured(-e[np.newaxis])
    nudged.a = np.full(EDGES, np.nan)
    np.testing.assert_allclose(product(free, nudged, e).value, board.gradient(), rtol=1e-5)


@pytest.mark.parametrize("tones", [1, OUTPUTS])
def test_standard_error_against_many_noisy_measurements(tones):
    board = Board(4)
    e = board.loss_gradient()
    error = -0.3 * (e[np.newaxis] if tones == 1 else np.diag(e))
    exact = board.measured(error)
    u_a, u_b = np.full(EDGES, 0.2), np.full((tones, EDGES), 0.05)
    draw = np.random.default_rng(0)
    values = []
    for _ in range(4000):
        free = Read(**{**vars(exact), "a": exact.a + u_a * draw.normal(size=EDGES)})
        nudged = Read(**{**vars(exact), "b": exact.b + u_b * draw.normal(size=u_b.shape)})
        values.append(product(free, nudged, e).value)
    told = product(Read(**{**vars(exact), "u_a": u_a}), Read(**{**vars(exact), "u_b": u_b}), e)
    np.testing.assert_allclose(np.std(values, axis=0), told.standard_error, rtol=0.06)
    np.testing.assert_allclose(np.mean(values, axis=0), told.value, atol=5 * told.standard_error.max() / np.sqrt(4000))


def test_what_the_instruments_get_wrong_is_told_apart_from_the_noise():
    board = Board(5)
    e = board.loss_gradient()
    exact = board.measured(-0.3 * e[np.newaxis])
    wrong_a, wrong_b = np.full(EDGES, 0.2), np.full((1, EDGES), 0.05)
    draw = np.random.default_rng(1)
    values = []
    for _ in range(4000):  # as many digitizers, each with a zero and a gain of its own
        free = Read(**{**vars(exact), "a": exact.a + wrong_a * draw.normal(size=EDGES)})
        nudged = Read(**{**vars(exact), "b": exact.b + wrong_b * draw.normal(size=EDGES)})
        values.append(product(free, nudged, e).value)
    told = Read(**{**vars(exact), "systematic_a": wrong_a, "systematic_b": wrong_b})
    found = product(told, told, e)
    np.testing.assert_allclose(np.std(values, axis=0), found.systematic, rtol=0.06)
    np.testing.assert_array_equal(found.standard_error, 0.0)
    np.testing.assert_allclose(found.uncertainty, found.systematic)
