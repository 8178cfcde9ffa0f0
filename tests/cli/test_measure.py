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
        (["--drive", "in0=1uA"], 2, "'1uA' is a current, expected a voltage, e.g. 0.5V"),
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


def measured(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["measure", "divider.yaml", "--initial", *options]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def test_what_is_measured_is_the_voltage_divider(capsys: pytest.CaptureFixture[str]) -> None:
    """30 µS between 50 Ω and a load of 100 kΩ, to half a step of the potentiometer."""
    event = json.loads(measured(capsys, "--drive", "in0=1V", "--json"))
    assert event["event"] == "measured"
    in0, out0, pilot = event["nodes"]
    assert [in0["node"], out0["node"], pilot["node"]] == ["in0", "out0", "pilot"]
    edge = 1 / 30e-6
    assert out0["dc_v"] == pytest.approx(100e3 / (50 + edge + 100e3), rel=0.01)
    assert in0["dc_v"] == pytest.approx(1 - 50 / (50 + edge + 100e3), rel=1e-3)
    assert event["flags"] == []
    assert len(event["tones_hz"]) == len(out0["in_phase_v"]) == len(out0["quadrature_v"]) == len(out0["u_v"])


def test_a_table_has_the_same_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    lines = measured(capsys, "--error", "out0=1uA").splitlines()
    assert lines[0].split()[:3] == ["node", "DC", "(V)"]
    assert "in phase," in lines[0]
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.startswith(("in0", "out0", "pilot"))}
    assert set(rows) == {"in0", "out0", "pilot"}
    # 1 µA meets the edge with 50 Ω behind it, beside the load of 100 kΩ.
    assert float(rows["out0"][2]) == pytest.approx(1e-6 / (1 / (50 + 1 / 30e-6) + 1e-5), rel=0.01)


@pytest.mark.parametrize("option", ["--drive=0.5V", "--drive=out0=1V", "--error=in0=1uA"])
def test_a_node_that_is_not_there_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", "divider.yaml", option]) == 2
    node = "in0" if "--drive" in option else "out0"
    assert f"write NODE=VALUE, where NODE is one of {node}" in capsys.readouterr().err
