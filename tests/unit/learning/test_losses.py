"""Losses against finite differences, and their scales."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labrig.learning.losses import Loss, TrainingTargets
from labrig.learning.losses.softmax_cross_entropy import SoftmaxCrossEntropy
from labrig.learning.losses.squared_error import SquaredError

VOLTS = st.floats(-1.0, 1.0, allow_subnormal=False)


def differences(loss: Loss, outputs: np.ndarray, target: np.ndarray, step: float) -> np.ndarray:
    steps = step * np.eye(len(outputs))
    return np.array([(loss.value(outputs + h, target) - loss.value(outputs - h, target)) / (2 * step) for h in steps])


@given(st.lists(VOLTS, min_size=3, max_size=3), st.lists(VOLTS, min_size=2, max_size=2))
def test_squared_error(outputs, target):
    loss = SquaredError(np.array([[1.0, -1.0, 0.0], [0.5, 0.0, 2.0]]), mean_square=0.3)
    v, y = np.array(outputs), np.array(target)
    np.testing.assert_allclose(loss.gradient(v, y), differences(loss, v, y, 1e-4), rtol=1e-7, atol=1e-9)


@given(st.lists(VOLTS, min_size=3, max_size=3), st.integers(0, 2), st.floats(0.05, 1.0))
def test_softmax_cross_entropy(outputs, label, temperature):
    loss = SoftmaxCrossEntropy(temperature)
    v, y = np.array(outputs), np.eye(3)[label]
    h = 1e-4 * temperature
    np.testing.assert_allclose(loss.gradient(v, y), differences(loss, v, y, h), rtol=1e-6, atol=1e-6 / temperature)
    assert loss.value(v, y) >= 0


@given(st.lists(VOLTS, min_size=4, max_size=4), st.integers(0, 1), st.floats(0.05, 1.0))
def test_softmax_of_differences(outputs, label, temperature):
    readout = np.array([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]])
    options = SoftmaxCrossEntropy.Options(temperature=f"{temperature!r} V")
    loss = SoftmaxCrossEntropy.build(options, TrainingTargets(readout, np.eye(2)))
    v, y = np.array(outputs), np.eye(2)[label]
    h = 1e-4 * temperature
    np.testing.assert_allclose(loss.gradient(v, y), differences(loss, v, y, h), rtol=1e-6, atol=1e-6 / temperature)
    assert loss.value(v, y) == pytest.approx(SoftmaxCrossEntropy(temperature).value(readout @ v, y))


def test_squared_error_by_hand_has_no_one_half():
    loss = SquaredError(np.array([[1.0, -1.0]]), mean_square=0.06**2)
    assert loss.value(np.array([0.5, 0.2]), np.array([0.1])) == pytest.approx(0.04)
    np.testing.assert_allclose(loss.gradient(np.array([0.5, 0.2]), np.array([0.1])), [0.4, -0.4])
    assert loss.error_scale == pytest.approx(0.12)


def test_softmax_by_hand_and_far_out():
    loss = SoftmaxCrossEntropy(0.05)
    assert loss.value(np.zeros(3), np.eye(3)[0]) == pytest.approx(np.log(3))
    assert loss.scale == 1.0
    assert loss.error_scale == 20.0
    assert loss.value(np.array([1e3, 0.0]), np.array([0.0, 1.0])) == pytest.approx(2e4)
    np.testing.assert_allclose(loss.gradient(np.array([1e3, 0.0]), np.array([0.0, 1.0])), [20.0, -20.0])
