"""Tasks: patterns, figures, and the examples a certificate looks at."""

from __future__ import annotations

import numpy as np
import pytest

from labrig.learning import tasks


def test_xor_has_complements_both_rails_and_a_differential_target():
    task = tasks.xor(1.0, 0.06)
    assert task.names == ("00", "01", "10", "11")
    np.testing.assert_array_equal(task.activation[1], [-1, 1, 1, -1, -1, 1])
    np.testing.assert_array_equal(task.target[:, 0], [-0.06, 0.06, 0.06, -0.06])
    outputs = np.array([[0.0, 0.06], [0.06, 0.0], [0.0, 0.06], [0.0, 0.06]])
    figures = task.metrics(task.train, outputs)
    assert figures["patterns_right"] == 3
    assert figures["rms_v"] == pytest.approx(0.12 / 2)
    assert figures["loss"] == pytest.approx(0.12**2 / 4)
    assert task.loss.scale == pytest.approx(0.06**2)


def test_classification_counts_the_largest_output():
    task = tasks.classification(np.zeros((3, 2)), np.array([0, 1, 1]), ("a", "b"), np.arange(2), np.array([2]), 0.05)
    assert task.metrics(np.arange(3), np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))["accuracy"] == pytest.approx(
        2 / 3
    )
    assert task.example_name(2) == "b-2"


def test_regression_scales_its_loss_by_the_training_part():
    x = np.array([[1.0, 0.0], [0.0, 2.0], [50.0, 50.0]])
    task = tasks.regression(x, np.array([[0.5, 0.25]]), x, train=2)
    assert task.loss.scale == pytest.approx((0.5**2 + 0.5**2) / 2)
    np.testing.assert_array_equal(task.train, [0, 1])
    np.testing.assert_array_equal(task.test, [2])


def test_the_divider_judges_its_gradient_by_its_formula():
    task = tasks.divider(1.0, 0.8, 50.0, 100e3)
    theta, step = 30e-6, 1e-10

    def cost(value: float) -> float:
        return task.loss.value(np.array([100e3 / (50 + 1 / value + 100e3)]), task.target[0])

    slope = (cost(theta + step) - cost(theta - step)) / (2 * step)
    assert task.gradient_metrics(np.array([theta]), np.array([slope]))["relative_error"] < 1e-6
    assert task.gradient_metrics(np.array([theta]), np.array([-slope]))["relative_error"] == pytest.approx(2, rel=1e-5)


def test_representatives_are_all_of_a_small_task_and_two_of_each_class_of_a_large_one():
    assert tasks.xor(1.0, 0.06).representatives() == [0, 1, 2, 3]
    labels = np.repeat([0, 1, 2], 10)
    task = tasks.classification(np.zeros((30, 1)), labels, ("a", "b", "c"), np.arange(30), np.array([], int), 0.05)
    assert task.representatives() == [0, 1, 10, 11, 20, 21]
    x = np.linspace(0, 1, 20)[:, None]
    assert len(tasks.regression(x, np.eye(1), x, 20).representatives()) == 4
