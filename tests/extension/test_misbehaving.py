"""Classes of a laboratory that break their contract: the class is named, and what it does wrong; nothing is learned."""

from __future__ import annotations

from pathlib import Path

import pytest
from extension.conftest import Laboratory

from labrig.cli.main import main

SOURCE = """
from dataclasses import dataclass

import numpy as np

from labrig.config.section import Section
from labrig.learning.gradient import Gradient
from labrig.learning.losses import Loss
from labrig.learning.measurement import Excitation
from labrig.learning.rules import Rule
from labrig.learning.tasks.voltages import NO_EXAMPLES, VoltageTask


class Once(Rule):
    def acquisitions(self, edges, carrier):
        return 1

    def gradient(self, example, loss, carrier, edges):
        return self.ended((yield Excitation(example.activation)))


class Raises(Once):
    def ended(self, free):
        return {}["nothing"]


class Bare(Once):
    def ended(self, free):
        return free.a


class Short(Once):
    def ended(self, free):
        return Gradient(free.a[:0], free.u_a, free.u_a)


class NotFinite(Once):
    def ended(self, free):
        return Gradient(free.a * np.nan, free.u_a, free.u_a)


class Returns(Once):
    def gradient(self, example, loss, carrier, edges):
        return None


class YieldsVolts(Once):
    def gradient(self, example, loss, carrier, edges):
        yield example.activation


class Incomplete(Rule):
    pass


class Square(Loss):
    targets = "voltages"
    scale = error_scale = 1.0

    @classmethod
    def build(cls, options, targets):
        return cls()

    def value(self, outputs, target):
        return float(np.sum((outputs - target) ** 2))

    def gradient(self, outputs, target):
        return 2 * (outputs - target)


class Volts(Square):
    targets = "volts"


class NoNumber(Square):
    def value(self, outputs, target):
        return float("nan")


class Scalar(Square):
    def gradient(self, outputs, target):
        return 0.0


class Half(Square):
    def gradient(self, outputs, target):
        return outputs - target


class Kinked(Square):
    def value(self, outputs, target):
        return float(np.sum(np.abs(outputs - target)))

    def gradient(self, outputs, target):
        return np.sign(outputs - target)


@dataclass(frozen=True)
class Level(VoltageTask):
    class Options(Section):
        pass

    wrong = {}

    @classmethod
    def build(cls, options, context):
        right = {"activation": np.ones((2, 1)), "target": np.full((2, 1), 0.3), "readout": np.eye(1),
                 "train": np.arange(2), "test": NO_EXAMPLES}
        return cls(**{**right, **cls.wrong})


class Wide(Level):
    wrong = {"target": np.full((2, 2), 0.3)}


class Fewer(Level):
    wrong = {"target": np.full((1, 1), 0.3)}


class Unknown(Level):
    wrong = {"target": np.full((2, 1), np.nan)}


class Beyond(Level):
    wrong = {"train": np.arange(3)}


class Listed(Level):
    wrong = {"train": [0, 1]}
"""

CONFIG = """
version: 1
extends: [divider.yaml]
name: misbehaving
learning: {epochs: 1}
"""


@pytest.fixture
def config(laboratory: Laboratory) -> Path:
    laboratory.write("lab_wrong.py", SOURCE)
    return laboratory.write("wrong.yaml", CONFIG)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("Raises", "in ended: KeyError: 'nothing' (use --debug"),
        ("Bare", "the rule Once: it returns ndarray, not a Gradient"),
        ("Short", "`value` has shape (0,); with 1 edges it must be (1,)"),
        ("NotFinite", "the gradient contains NaN or infinity"),
        ("Returns", "its method `gradient` yields no Excitation"),
        ("YieldsVolts", "the rule YieldsVolts: it yields ndarray, not an Excitation"),
    ],
)
def test_a_rule(config: Path, capsys: pytest.CaptureFixture[str], rule: str, says: str) -> None:
    chosen = ("--set", f"learning.rule=lab_wrong:{rule}")
    assert main(["run", str(config), "--no-plots", *chosen]) == 1
    said = capsys.readouterr().err
    assert says in said
    assert "internal error" not in said


@pytest.mark.parametrize(
    ("override", "path", "says"),
    [
        ("learning.rule=lab_wrong:Incomplete", "learning.rule", "does not define acquisitions, gradient"),
        ("learning.loss=lab_wrong:Volts", "learning.loss", "has targets = 'volts'; it must be 'voltages' or 'classes'"),
        ("learning.loss=lab_wrong:NoNumber", "learning.loss", "its value is nan, not a finite number"),
        ("learning.loss=lab_wrong:Scalar", "learning.loss", "has shape (); with 1 outputs it must be (1,)"),
        ("task={lab_wrong:Wide: {}}", "task.lab_wrong:Wide", "target has 2 columns, but readout has 1 rows"),
        ("task={lab_wrong:Fewer: {}}", "task.lab_wrong:Fewer", "target has 1 rows, but activation has 2"),
        ("task={lab_wrong:Unknown: {}}", "task.lab_wrong:Unknown", "target contains values that are not finite"),
        ("task={lab_wrong:Beyond: {}}", "task.lab_wrong:Beyond", "train must be an array of indices"),
        ("task={lab_wrong:Listed: {}}", "task.lab_wrong:Listed", "train must be an array of indices"),
    ],
)
def test_what_check_finds(laboratory: Laboratory, config: Path, override: str, path: str, says: str) -> None:
    (problem,) = laboratory.problems(config.name, override)
    assert problem.path == path
    assert says in problem.message


@pytest.mark.parametrize(("loss", "warned"), [("Square", False), ("Kinked", False), ("Half", True)])
def test_a_gradient_that_is_not_the_slope_of_the_loss(
    config: Path, capsys: pytest.CaptureFixture[str], loss: str, warned: bool
) -> None:
    assert main(["check", str(config), "--set", f"learning.loss=lab_wrong:{loss}"]) == 0
    assert ("is not the slope of its value: at outputs of" in capsys.readouterr().err) == warned
