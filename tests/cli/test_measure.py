"""`labrig measure` and `labrig certify`: what is said of an option that cannot be meant."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labrig.assembly import assemble
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


def test_the_uncertainty_has_what_rounding_leaves_without_noise(capsys: pytest.CaptureFixture[str]) -> None:
    """Every sample of a constant is the same code, so there is no scatter, but the level is known to a step only."""
    coarse = ("--set", "simulation={preset: ideal, converters: true}", "--set", "instruments.daq.bits=12")
    assert main(["measure", "divider.yaml", "--initial", "--drive", "in0=1V", *coarse]) == 0
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("in0")]
    step_v = 2 * assemble(Path("divider.yaml"), coarse[1::2]).devices["daq"].digitizer.full_scale_v / 2**12
    assert float(row.split()[2]) == pytest.approx(step_v / np.sqrt(12), rel=0.5)


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
    assert float(rows["out0"][4]) == pytest.approx(1e-6 / (1 / (50 + 1 / 30e-6) + 1e-5), rel=0.01)


@pytest.mark.parametrize("option", ["--drive=0.5V", "--drive=out0=1V", "--error=in0=1uA"])
def test_a_node_that_is_not_there_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", "divider.yaml", option]) == 2
    node = "in0" if "--drive" in option else "out0"
    said = capsys.readouterr().err
    assert f"write NODE=VALUE (nodes: {node})" in said
    if "out0" in option or "in0" in option:
        assert ("no source drives 'out0'" if node == "in0" else "there is no error source at 'in0'") in said


def test_a_decimal_comma_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", "divider.yaml", "--drive", "in0=0,5V"]) == 2
    assert "--drive 'in0=0,5V': decimals are written with a point: 'in0=0.5V'" in capsys.readouterr().err


def test_what_is_read_is_beside_what_is_expected(capsys: pytest.CaptureFixture[str]) -> None:
    event = json.loads(measured(capsys, "--drive", "in0=1V", "--error", "out0=1uA", "--json"))
    assert event["off"] == []
    _, out0, _ = event["nodes"]
    load = 1 / (1 / (50 + 1 / 30e-6) + 1e-5)  # 100 kΩ beside the edge with 50 Ω behind it
    assert out0["expected_dc_v"] == pytest.approx(load / (50 + 1 / 30e-6), rel=0.01)
    assert out0["expected_in_phase_v"][0] == pytest.approx(1e-6 * load, rel=0.01)
    assert 0 < out0["within_dc_v"] < 0.05


@pytest.mark.parametrize(
    ("miswired", "off", "code"),
    [
        ("swap: [in3, in4]", {"in3", "in4"}, 5),  # a run would refuse to learn from it, so it is an error as well
        ("open: out1", {"out1"}, 0),
        ("dead: in3", {"in3", "out0", "out1", "out2"}, 5),
        ("inverted: out2", {"out2"}, 0),
    ],
)
def test_what_is_wired_wrongly_is_off(miswired: str, off: set[str], code: int, capsys: pytest.CaptureFixture) -> None:
    given = ["--set", f"simulation.miswired=[{{{miswired}}}]", "--seed", "4", "--initial", "--json"]
    assert main(["measure", "iris.yaml", "--drive", "in3=1V", *given]) == code
    assert set(json.loads(capsys.readouterr().out.splitlines()[0])["off"]) == off


def test_who_answers_is_a_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--scan", "--initial", "--seed", "4", "--set", "simulation.miswired=[{open: out1}]", "--json"]
    assert main(["measure", "iris.yaml", *given]) == 0
    event = json.loads(capsys.readouterr().out)
    nodes = event["nodes"]
    marks = {
        (row["driven"], node): mark for row in event["rows"] for node, mark in zip(nodes, row["marks"], strict=True)
    }
    assert {node for (_, node), mark in marks.items() if mark == "missing"} == {"out1"}
    assert marks["in3", "in3"] == marks["in3", "out0"] == marks["pilot", "pilot"] == "answers"
    assert marks["in3", "in4"] == marks["pilot", "in4"] == "silent"
    assert {each["node"] for each in event["off"]} == {"out1"}


def test_a_scan_in_words_names_the_channel_and_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    swapped = "simulation.miswired=[{swap: [in3, in4]}]"
    assert main(["measure", "iris.yaml", "--scan", "--initial", "--seed", "0", "--set", swapped]) == 0
    out = capsys.readouterr().out
    assert "in3 (awg/3, 960 mV)  · · · ○ ×" in out
    assert "in3 driven: in4 answers and should not: +0.95" in out
    assert "4 of 196 answers off" in out


def test_nothing_is_off_on_a_healthy_board_of_another_physics(capsys: pytest.CaptureFixture[str]) -> None:
    for config in ("elastic_allostery.yaml", "flow_chemical_iris.yaml", "xor_am.yaml"):
        assert main(["measure", config, "--scan", "--initial", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["off"] == []


def test_samples_and_a_picture_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, drawn = tmp_path / "one.npz", tmp_path / "one.png"
    measured(capsys, "--drive", "in0=1V", "--error", "out0=1uA", "--save", str(kept), "--plot", str(drawn))
    assert drawn.read_bytes().startswith(b"\x89PNG")
    with np.load(kept, allow_pickle=False) as one:
        samples, out0 = one["samples"], list(one["nodes"]).index("out0")
        assert samples[:, out0].mean() == pytest.approx(one["dc_v"][out0], abs=1e-6)
        spectrum = 2 * np.abs(np.fft.rfft(samples[:, out0])) / len(samples)
        assert spectrum.max() > abs(one["phasor_v"][0, out0]) == pytest.approx(1e-6 * 25_000, rel=0.5)


def test_samples_that_contradict_the_wiring_are_kept_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "one.npz"
    swapped = ["--set", "simulation.miswired=[{swap: [in3, in4]}]", "--seed", "4", "--initial", "--save", str(kept)]
    assert main(["measure", "iris.yaml", "--drive", "in3=1V", *swapped]) == 5
    with np.load(kept, allow_pickle=False) as one:
        assert one["dc_v"][list(one["nodes"]).index("in4")] == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--watch", "--scan"], "--watch cannot be combined with --scan"),
        (["--watch", "--save", "x.npz"], "--watch cannot be combined with --save"),
        (["--scan", "--drive", "in0=1V"], "it cannot be combined with --drive"),
    ],
)
def test_options_that_contradict_one_another(options: list[str], says: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["measure", "divider.yaml", *options]) == 2
    assert says in capsys.readouterr().err


def test_watching_ends_with_ctrl_c_and_outputs_are_safe(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "labrig", "measure", "divider.yaml", "--watch", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert all(json.loads(line)["event"] == "measured" for line in lines)
    assert (process.returncode, err) == (130, "labrig: interrupted\n")
