"""A rule by somebody else, by a dotted path to a module beside the configuration."""

from pathlib import Path

SOURCE = Path(__file__).with_name("mylab_rule.py").read_text(encoding="utf-8")
CONFIG = """
version: 1
extends: [regression.yaml]
name: differences
learning: {rule: "mylab_rule:LevelDifferences", distance: 4, epochs: 4, batch: 1}
task: {regression: {train: 4, test: 4}}
limits: {step: 5 s}
"""


def test_finite_differences_over_levels_train_a_regression(laboratory):
    laboratory.write("mylab_rule.py", SOURCE)
    laboratory.write("differences.yaml", CONFIG)
    (checked,) = laboratory.labrig("check", "differences.yaml", "--show-resolved")
    values = {path: value for path, value, _ in map(dict.values, checked["resolved"])}
    assert values["learning.distance"] == "4"
    (plan,) = laboratory.labrig("plan", "differences.yaml")
    edges = plan["counts"]["training"] // (4 * 4) - 1
    assert plan["counts"]["training"] == 4 * 4 * (1 + edges)

    finished = laboratory.labrig("run", "differences.yaml", "--no-plots")[-1]
    assert finished["acquisitions"] == plan["counts"]["training"]
    assert finished["metrics"]["loss"] < 0.2 * finished["metrics"]["initial_loss"]


def test_a_run_keeps_the_module_and_can_be_repeated_from_its_folder(laboratory):
    laboratory.write("mylab_rule.py", SOURCE)
    laboratory.write("differences.yaml", CONFIG)
    short = ("--no-plots", "--run-dir", "first", "--set", "learning.epochs=1")
    ran = laboratory.typed("run", "differences.yaml", *short)
    assert ran.returncode in (0, 7), ran.stdout + ran.stderr
    (laboratory.folder / "mylab_rule.py").unlink()
    (problem,) = laboratory.problems("differences.yaml")
    assert "no module 'mylab_rule'" in problem.message
    again = laboratory.labrig("run", "first/config.resolved.yaml", "--no-plots")[-1]
    assert again["steps"] > 0


def test_a_step_that_would_take_too_long_is_refused_with_the_rule_s_own_count(laboratory):
    laboratory.write("mylab_rule.py", SOURCE)
    laboratory.write("differences.yaml", CONFIG.replace("step: 5 s", "step: 100 ms"))
    (problem,) = laboratory.problems("differences.yaml")
    assert "a training step of" in problem.message
    assert "of 2 acquisitions" not in problem.message
