"""A task by somebody else: its goals, its problems, its run."""

from pathlib import Path

SOURCE = Path(__file__).with_name("mylab_task.py").read_text(encoding="utf-8")
CONFIG = """
version: 1
extends: [xor.yaml]
name: and
task:
  mylab_task:And: {amplitude: 1 V, target: 60 mV}
  target: {patterns_right: 4}
learning: {epochs: 15}
"""


def test_the_and_of_two_inputs_is_learned(laboratory):
    laboratory.write("mylab_task.py", SOURCE)
    laboratory.write("and.yaml", CONFIG)
    finished = laboratory.labrig("run", "and.yaml", "--no-plots")[-1]
    assert finished["metrics"]["patterns_right"] == 4
    assert finished["metrics"]["rms_v"] < 0.03
    laboratory.labrig("run", "and.yaml", "--no-plots", "--set", "task.target={rms: 1 nV}", code=7)


def test_its_problems_have_their_place(laboratory):
    laboratory.write("mylab_task.py", SOURCE)
    laboratory.write("and.yaml", CONFIG)
    assert laboratory.problems("and.yaml") == []
    for override, path, says in (
        ("task.mylab_task:And.amplitude=9 V", "task.mylab_task:And.amplitude", "above the full scale of awg"),
        ("task.mylab_task:And.target=3 V", "task.mylab_task:And.target", "out of reach"),
        ("task.mylab_task:And.bias=3 V", "task.mylab_task:And.bias", "unknown key 'bias'"),
        ("task.target={test_accuracy: 0.9}", "task.target.test_accuracy", "unknown key"),
        ("learning={loss: softmax_cross_entropy, temperature: 50 mV, error: {current: 1 µA}, rate: 1, epochs: 1}",
         "learning.loss", "mylab_task:And is trained with squared_error"),
    ):  # fmt: skip
        (problem,) = laboratory.problems("and.yaml", override)
        assert problem.path == path
        assert says in problem.message
