"""Tasks: patterns, figures, and the examples a certificate looks at."""

from __future__ import annotations

import numpy as np
import pytest
from unit.rig.benches import assembled

from labrig.errors import ConfigError
from labrig.learning.losses.squared_error import SquaredError
from labrig.learning.tasks import goals_judged
from labrig.learning.tasks.classification import Classification
from labrig.learning.tasks.divider import Divider
from labrig.learning.tasks.encoding import Encode
from labrig.learning.tasks.regression import Regression
from labrig.learning.tasks.task import Task
from labrig.learning.tasks.xor import Xor

ENCODE = Encode(full_scale="1 V", complements=False)


def squared_error(task: Task) -> SquaredError:
    return SquaredError.build(SquaredError.Options(), task.training_targets)


def test_xor_has_complements_both_rails_and_a_differential_target():
    task = Xor.patterns(1.0, 0.06)
    assert task.names == ("00", "01", "10", "11")
    np.testing.assert_array_equal(task.activation[1], [-1, 1, 1, -1, -1, 1])
    np.testing.assert_array_equal(task.target[:, 0], [-0.06, 0.06, 0.06, -0.06])
    outputs = np.array([[0.0, 0.06], [0.06, 0.0], [0.0, 0.06], [0.0, 0.06]])
    figures = task.figures(task.train, outputs)
    assert figures["patterns_right"] == 3
    assert figures["rms_v"] == pytest.approx(0.12 / 2)
    loss = squared_error(task)
    values = [loss.value(v, task.target[k]) for k, v in zip(task.train, outputs, strict=True)]
    assert np.mean(values) == pytest.approx(0.12**2 / 4)
    assert loss.scale == pytest.approx(0.06**2)


def test_classification_counts_the_largest_output():
    task = Classification.of(np.zeros((3, 2)), np.array([0, 1, 1]), ("a", "b"), np.arange(2), np.array([2]), ENCODE)
    outputs = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert task.figures(np.arange(3), outputs)["accuracy"] == pytest.approx(2 / 3)
    assert task.example_name(2) == "b-2"


@pytest.fixture(scope="module")
def digits() -> Task:
    """The task of the packaged digits with few examples; shared, because its board has 9,600 edges to check."""
    return assembled("digits", "task.split={train_per_class: 2, test_per_class: 1}").task


def test_classes_as_differences_of_two_outputs(digits):
    task = digits
    np.testing.assert_array_equal(task.readout[:2, :5], [[1, -1, 0, 0, 0], [0, 0, 1, -1, 0]])
    assert task.readout.shape == (10, 20)
    outputs = np.zeros((30, 20))
    outputs[np.arange(30), 2 * task.target[:30].argmax(axis=1)] = 0.1
    outputs[:, 1] = -0.01  # class 0 is above 0 by less
    assert task.figures(np.arange(30), outputs)["accuracy"] == 1.0


def test_features_of_one_range_keep_their_size(digits):
    task = digits
    assert task.activation.shape[1] == 130
    np.testing.assert_array_equal(task.activation[:, 0], -1.0)  # a pixel that is 0 in every picture
    np.testing.assert_array_equal(task.activation[:, :64], -task.activation[:, 64:128])
    np.testing.assert_array_equal(np.unique(task.activation[:, :64]), np.arange(17) / 8 - 1)
    with pytest.raises(ConfigError, match=r"task\.encode\.range: the first number must be the smaller one"):
        assembled("digits", "task.encode.range=[16, 0]")


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan"])
def test_a_range_must_be_finite(number):
    with pytest.raises(ConfigError, match=rf"task\.encode\.range\[1\]: expected a finite number, got {number}"):
        assembled("digits", f"task.encode.range=[0, {number}]")
    with pytest.raises(ConfigError, match=rf"encode\.ranges\.p0\[0\]: expected a finite number, got {number}"):
        assembled("digits", f"task.encode.ranges={{p0: [{number}, 1]}}")


def test_a_board_with_too_few_outputs_for_differences_says_how_many():
    few = "task.split={train_per_class: 2, test_per_class: 1}"
    with pytest.raises(ConfigError, match="but 20 nodes have an error source: two per class are needed"):
        assembled("digits", few, "task.classification.data=iris.csv", "task.classification.label=species")


def test_regression_scales_its_loss_by_the_training_part():
    x = np.array([[1.0, 0.0], [0.0, 2.0], [50.0, 50.0]])
    task = Regression.of(x, np.array([[0.5, 0.25]]), ENCODE, train=2)
    assert squared_error(task).scale == pytest.approx((0.5**2 + 0.5**2) / 2)
    np.testing.assert_array_equal(task.train, [0, 1])
    np.testing.assert_array_equal(task.test, [2])


def test_the_divider_judges_its_gradient_by_its_formula():
    task = Divider.between(1.0, 0.8, 50.0, 100e3)
    loss = squared_error(task)
    theta, step = 30e-6, 1e-10

    def cost(value: float) -> float:
        return loss.value(np.array([100e3 / (50 + 1 / value + 100e3)]), task.target[0])

    slope = (cost(theta + step) - cost(theta - step)) / (2 * step)
    assert task.gradient_figures(np.array([theta]), np.array([slope]))["relative_error"] < 1e-6
    assert task.gradient_figures(np.array([theta]), np.array([-slope]))["relative_error"] == pytest.approx(2, rel=1e-5)


def test_representatives_are_all_of_a_small_task_and_two_of_each_class_of_a_large_one():
    assert Xor.patterns(1.0, 0.06).representatives() == [0, 1, 2, 3]
    labels = np.repeat([0, 1, 2], 10)
    nobody = np.array([], dtype=np.intp)
    task = Classification.of(np.zeros((30, 1)), labels, ("a", "b", "c"), np.arange(30), nobody, ENCODE)
    assert task.representatives() == [0, 1, 10, 11, 20, 21]
    x = np.linspace(0, 1, 20)[:, None]
    assert len(Regression.of(x, np.eye(1), ENCODE, 20).representatives()) == 4


def test_goals_that_are_reached_and_missed_are_named_and_a_missing_figure_reaches_nothing():
    goals = Xor.goals
    target = type("Target", (), {"rms": 0.008, "patterns_right": 4})()
    all_reached = (["rms_v is 0.007, and the target is 0.008", "patterns_right is 4, and the target is 4"], [])
    assert goals_judged(goals, target, {"rms_v": 0.007, "patterns_right": 4}) == all_reached
    one_missed = (["patterns_right is 4, and the target is 4"], ["rms_v is 0.009, but the target is 0.008"])
    assert goals_judged(goals, target, {"rms_v": 0.009, "patterns_right": 4}) == one_missed
    assert len(goals_judged(goals, target, {"rms_v": float("nan")})[1]) == 2
    assert goals_judged(goals, None, {}) == ([], [])
