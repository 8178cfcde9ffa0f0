"""`labrig measure` and `labrig certify`: what is said of an option that cannot be meant."""

from __future__ import annotations

import json

import pytest

from labrig.cli.main import main


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--drive", "in0=0.5"], 2, "'0.5' has no unit (remedy: write e.g. --drive in0=0.5V)"),
        (["--drive", "in0=half"], 2, "'half' is not a number with a unit"),
        (["--drive", "in0=1uA"], 2, "'1uA' is a current, expected a voltage such as 0.5V"),
        (["--error", "out0=1uv"], 2, "unknown unit 'uv' in '1uv'"),
        (["--drive", "in0=1V", "--drive", "in0=1V"], 2, "in0 is given twice"),
        (["--drive", "in0=1V,in0=2V"], 2, "in0 is given twice"),
        (["--error", "out0=1A"], 5, "remedy: inject at most 50 µA"),
        (["--drive", "in0=100V"], 5, "remedy: lower the drive"),
    ],
)
def test_what_cannot_be_measured(options: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", "divider.yaml", *options]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err.splitlines()[-1]


def test_an_example_named_twice_is_judged_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certify", "xor.yaml", "--set", "simulation.preset=ideal", "--examples", "01,1,01", "--json"]) == 0
    judged = json.loads(capsys.readouterr().out)["examples"]
    assert [row["name"] for row in judged] == ["01"]
