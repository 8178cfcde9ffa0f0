"""Names of extensions that lead nowhere, to two packages, or to a module that cannot be imported."""

from __future__ import annotations

from pathlib import Path

import pytest
from extension.conftest import Laboratory

LOSS = Path(__file__).with_name("mylab_loss.py").read_text(encoding="utf-8")
CONFIG = """
version: 1
extends: [iris.yaml]
learning: {loss: %s, margin: 100 mV}
"""


def said(laboratory: Laboratory, loss: str) -> str:
    laboratory.write("named.yaml", CONFIG % f'"{loss}"')
    (problem,) = laboratory.problems("named.yaml")
    assert problem.path == "learning.loss"
    return problem.message


def test_a_name_that_two_packages_define(laboratory: Laboratory) -> None:
    for name in ("first_lab", "second_lab"):
        laboratory.install(name, LOSS, {"labrig.losses": f"hinge = {name}:Hinge"})
    assert said(laboratory, "hinge") == (
        "two installed packages define a loss named 'hinge' (first_lab:Hinge, second_lab:Hinge); uninstall one of "
        "them, or use the dotted path"
    )
    laboratory.write("named.yaml", CONFIG % '"second_lab:Hinge"')
    assert laboratory.problems("named.yaml") == []


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import nothing_like_it\n", "ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("Hinge = 3\n", "broken_lab:Hinge is not a loss: it must be a class derived from labrig.learning.losses.Loss"),
    ],
)
def test_an_installed_package_that_is_broken(laboratory: Laboratory, source: str, says: str) -> None:
    laboratory.install("broken_lab", source, {"labrig.losses": "hinge = broken_lab:Hinge"})
    assert says in said(laboratory, "hinge")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import nothing_like_it\n", "lab_beside cannot be imported: it needs 'nothing_like_it'"),
        ("1 / 0\n", "lab_beside cannot be imported: ZeroDivisionError: division by zero"),
        ("import numpy\n", "lab_beside has no 'Hinge'"),
    ],
)
def test_a_module_beside_the_configuration_that_is_broken(laboratory: Laboratory, source: str, says: str) -> None:
    laboratory.write("lab_beside.py", source)
    assert says in said(laboratory, "lab_beside:Hinge")
