"""What a task is that defines nothing but its examples."""

from __future__ import annotations

import numpy as np
import pytest

from labrig.config.section import Section
from labrig.learning.tasks.task import Task


class Plain(Task):
    """Two inputs, one output."""

    Options = Section
    targets = "values"

    @classmethod
    def build(cls, options, context):
        return cls(np.zeros((3, 2)), np.zeros((3, 1)), np.eye(1), np.arange(2), np.arange(2, 3))


def test_its_defaults():
    task = Plain.build(Section(), None)
    assert task.figures(task.train, np.zeros((2, 1))) == {}
    assert task.tolerances() == {}
    assert task.inputs_in_words() == "2 inputs"
    assert task.input_key(1) == task.target_key(0) == ()
    assert [str(role) for role in task.input_roles()] != []
    assert task.example_name(2) == "2"


@pytest.mark.parametrize(
    ("inputs", "outputs", "says"),
    [
        (3, 1, ["the task has 2 inputs, but 3 nodes are driven"]),
        (2, 2, ["the task has 1 outputs, but 2 nodes have an 'error' source in the wiring"]),
        (2, 1, []),
    ],
)
def test_a_board_that_does_not_fit_it(inputs, outputs, says):
    from types import SimpleNamespace

    terminals = SimpleNamespace(inputs=inputs, outputs=outputs)
    problems = Plain.build(Section(), None).board_problems(terminals)  # type: ignore[arg-type]
    assert [str(problem) for problem in problems] == says
