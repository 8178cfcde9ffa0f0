"""A loss by somebody else, found by its entry point: one file, no file of labrig touched."""

from pathlib import Path

SOURCE = Path(__file__).with_name("mylab_loss.py").read_text(encoding="utf-8")
CONFIG = """
version: 1
extends: [iris.yaml]
name: hinge
learning: {loss: hinge, margin: 100 mV, rate: 0.05, epochs: 3}
"""


def test_a_hinge_loss_trains_iris(laboratory):
    laboratory.install("mylab_loss", SOURCE, {"labrig.losses": "hinge = mylab_loss:Hinge"})
    laboratory.write("hinge.yaml", CONFIG)
    finished = laboratory.labrig("run", "hinge.yaml", "--no-plots")[-1]
    assert finished["metrics"]["test_accuracy"] >= 0.9
    assert finished["metrics"]["loss"] < 0.5 * finished["metrics"]["initial_loss"]
    # An example that leads by the margin has no error: the rule ends after its first acquisition.
    assert finished["acquisitions"] < 2 * 90 * 3


def test_its_keys_are_validated_like_those_of_labrig(laboratory):
    laboratory.install("mylab_loss", SOURCE, {"labrig.losses": "hinge = mylab_loss:Hinge"})
    laboratory.write("hinge.yaml", CONFIG.replace("margin: 100 mV", "margin: 100 ms"))
    (problem,) = laboratory.problems("hinge.yaml")
    assert problem.mark is not None
    assert (problem.path, problem.mark.line) == ("learning.margin", 5)
    assert "is a time, expected a voltage" in problem.message
    laboratory.write("hinge.yaml", CONFIG.replace("margin: 100 mV", "temperature: 50 mV"))
    problems = laboratory.problems("hinge.yaml")
    assert {problem.path for problem in problems} == {"learning.temperature", "learning.margin"}


def test_an_unknown_name_and_one_that_is_no_loss_are_named(laboratory):
    laboratory.install("mylab_loss", SOURCE, {"labrig.losses": "hinge = mylab_loss:Hinge"})
    for name, says in (
        ("hing", "is not one of 'squared_error', 'softmax_cross_entropy', 'hinge'; did you mean 'hinge'?"),
        ("mylab_loss:Hing", "mylab_loss has no 'Hing'; did you mean 'Hinge'?"),
        ("mylab_loss:np", "is not a loss: it must be a class derived from labrig.learning.losses.Loss"),
        ("nothere:Hinge", "there is no module 'nothere'"),
    ):
        laboratory.write("hinge.yaml", CONFIG.replace("loss: hinge", f'loss: "{name}"'))
        (problem,) = laboratory.problems("hinge.yaml")
        assert says in problem.message


def test_a_key_of_another_loss_in_the_user_s_own_file_is_a_problem(laboratory):
    """Only what comes with the file that is extended is dropped: here the loss is the base's, the key the user's."""
    laboratory.write("base.yaml", "version: 1\nextends: [iris.yaml]\nname: base\nlearning: {loss: squared_error}\n")
    laboratory.write("mine.yaml", "version: 1\nextends: [base.yaml]\nname: mine\nlearning: {temperature: 20 mV}\n")
    assert "learning.temperature" in {problem.path for problem in laboratory.problems("mine.yaml")}
    problems = laboratory.problems("base.yaml")
    assert problems
    assert "learning.temperature" not in {problem.path for problem in problems}
