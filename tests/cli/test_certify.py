"""`labrig certify`: exit codes, options, and what is printed."""

from __future__ import annotations

import json
from unittest.mock import patch

import pytest
from unit.rig.benches import bench_with
from unit.rig.saboteurs import Loud

from labrig.cli.main import main


def certified(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    code = main(["certify", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


def test_a_right_gradient_exits_0(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = certified(capsys, "divider.yaml")
    assert code == 0
    assert (found["verdict"], found["passed"], found["reference"]) == ("right", True, "adjoint")
    assert found["bias_interval"][0] <= found["bias"] <= found["bias_interval"][1] < found["bound"] == 0.01
    (edge,) = found["edges"]
    assert edge["name"] == "in0-out0"
    assert edge["measured"] == pytest.approx(edge["reference"])
    assert edge["difference"] == pytest.approx(edge["reference"], rel=1e-4)


def test_an_error_current_two_percent_too_large_exits_7_unless_the_bound_allows_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with patch(
        "labrig.assembly.benches.simulated.SimulatedBench", bench_with({"awg": lambda awg: Loud(awg, "1", 1.02)})
    ):
        code, found = certified(capsys, "divider.yaml")
        assert (code, found["verdict"]) == (7, "wrong")
        assert found["slope_all"] == pytest.approx(1.02)
        assert main(["certify", "divider.yaml"]) == 7
        said = capsys.readouterr().out
        assert "1.020 times" in said
        assert "5 % needs 1 repeat\n" in said
        assert certified(capsys, "divider.yaml", "--bias", "3%")[0] == 0
        assert certified(capsys, "divider.yaml", "--bias", "0.03")[0] == 0


def test_differences_on_parts_of_unknown_size_exit_8(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = certified(capsys, "iris.yaml", "--reference", "differences", "--examples", "0,1")
    assert (code, found["verdict"], found["limit"]) == (8, "unresolved", "differences")
    assert found["cosine_adjoint"] is None


def test_descent_is_part_of_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    ideal = ("xor.yaml", "--set", "simulation.preset=ideal", "--examples", "01")
    code, found = certified(capsys, *ideal, "--descent", "2", "--set", "learning.rate=0.02")
    assert (code, found["descent"]["verdict"], found["descent"]["steps"]) == (0, "right", 2)
    assert main(["certify", *ideal, "--descent", "2", "--set", "learning.rate=5"]) == 8
    assert "learning.rate" in capsys.readouterr().out


def test_every_figure_is_explained_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certify", "iris.yaml", "--examples", "0,1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    figures = lines[lines.index("") + 1 :]
    assert [line[:18].strip() for line in figures] == [
        "bias",
        "slope",
        "noise",
        "instruments",
        "differences",
        "χ²",
        "confirmed",
        "exponent of γ",
        "null test",
        "batch gradient",
        "verdict",
    ]
    assert figures[-1].split(None, 1)[1].startswith("the gradient is right")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--bias", "0"), "between 0 and 1"),
        (("--bias", "nan"), "between 0 and 1"),
        (("--bias", "120%"), "between 0 and 1"),
        (("--descent", "0"), "whole number"),
        (("--reference", "truth"), "invalid choice"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused(
    options: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certify", "divider.yaml", *options]) == 2
    assert says in capsys.readouterr().err
