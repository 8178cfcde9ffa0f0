"""`labrig init`: what it writes passes `labrig check`, and what cannot be written is one clear error."""

from __future__ import annotations

import argparse
import json
from itertools import chain
from pathlib import Path

import pytest
import yaml

from labrig.assembly import assemble
from labrig.cli.init import add_arguments, ask
from labrig.cli.main import main
from labrig.instruments.findings import Finding
from labrig.procedures import doctor

FLOWERS = "length,width,kind\n" + "".join(f"{k}.5,{9 - k},{('rose', 'tulip')[k % 2]}\n" for k in range(8))
FORCES = "x,y,pull\n" + "".join(f"{k},{k * k % 7},{0.1 * k}\n" for k in range(10))
BOARD = "a,b\nn1,n2\nn2,n3\nn1,n3\nn3,n4\nn4,ground\nn5,n4\nn1,n5\nn6,n5\nn6,n2\n"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("flowers.csv", FLOWERS), ("forces.csv", FORCES), ("board.csv", BOARD)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


LEARN_FLOWERS = ["--rig", "layered", "--data", "flowers.csv", "--label", "kind"]
RIGS = {
    "layered": ["--rig", "layered", "--data", "flowers.csv", "--label", "kind"],
    "hidden": ["--rig", "layered", "--data", "flowers.csv", "--label", "kind", "--hidden", "3,2", "--bits", "12"],
    "without diodes": [
        "--rig",
        "layered",
        "--data",
        "flowers.csv",
        "--label",
        "kind",
        "--hidden",
        "3",
        "--diodes",
        "none",
    ],
    "regression": ["--rig", "layered", "--data", "forces.csv", "--targets", "pull,y"],
    "some features": ["--rig", "layered", "--data", "flowers.csv", "--label", "kind", "--features", "width"],
    "some numbers": ["--rig", "layered", "--data", "forces.csv", "--targets", "y", "--features", "x"],
    "memristors": ["--rig", "layered", "--data", "flowers.csv", "--label", "kind", "--part", "RERAM"],
    "high voltage": ["--rig", "layered", "--data", "flowers.csv", "--label", "kind", "--part", "AD5293-100"],
    "grid": ["--rig", "grid", "--size", "4x5", "--outputs", "2"],
    "table": ["--rig", "table", "--edges", "board.csv", "--inputs", "n1,n6", "--outputs", "n3"],
    "table with data": [
        *("--rig", "table", "--edges", "board.csv", "--inputs", "n1,n6,n5", "--outputs", "n3,n4"),
        *("--data", "flowers.csv", "--label", "kind"),
    ],
}


@pytest.mark.parametrize("given", RIGS.values(), ids=RIGS)
def test_what_is_written_passes_check(lab: Path, given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", *given, "--out", "mine.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"event": "written", "files": ["mine.yaml"]}
    assert main(["check", "mine.yaml"]) == 0
    warnings = capsys.readouterr().err
    assert warnings == "" or ("--bits" in given and "use 15 bits or more" in warnings)


def test_a_written_configuration_learns(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", *RIGS["regression"], "--out", "sub/mine.yaml"]) == 0
    assert main(["run", "sub/mine.yaml", "--set", "learning.epochs=10", "--no-plots", "--json"]) == 0
    finished = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert finished["metrics"]["loss"] < 0.7 * finished["metrics"]["initial_loss"]


@pytest.mark.parametrize("rig", ["grid", "table"])
def test_the_targets_of_constant_inputs_can_be_reached_by_training(lab: Path, rig: str, capsys) -> None:
    assert main(["init", *RIGS[rig], "--out", "mine.yaml"]) == 0
    assert main(["feasible", "mine.yaml", "--starts", "3"]) == 0
    capsys.readouterr()
    assert main(["run", "mine.yaml", "--set", "learning.epochs=60", "--no-plots", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])["metrics"]
    assert metrics["initial_loss"] > 30 * metrics["loss"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--rig", "layered"], "needs --data FILE.csv and --label"),
        (["--rig", "layered", "--data", "flowers.csv"], "either --label COLUMN, for classes, or --targets"),
        (
            ["--rig", "layered", "--data", "flowers.csv", "--label", "species"],
            "no column 'species'; it has length, width, kind",
        ),
        (
            [*LEARN_FLOWERS, "--features", "height"],
            "no column 'height'; it has length, width, kind (remedy: correct --features)",
        ),
        ([*LEARN_FLOWERS, "--features", "width,kind"], "'kind' is in --features and in --label"),
        (["--rig", "layered", "--data", "nothing.csv", "--label", "kind"], "cannot read nothing.csv"),
        (["--rig", "layered", "--data", "flowers.csv", "--label", "kind", "--part", "MCP"], "'MCP' is not one of"),
        (["--rig", "grid", "--size", "1x5"], "'1x5' is not a size of at least 2x2"),
        (["--rig", "grid", "--size", "2x2", "--outputs", "3"], "can have 1 to 2 outputs, not 3"),
        (
            ["--rig", "table", "--edges", "board.csv", "--inputs", "n9", "--outputs", "n3"],
            "no node 'n9'; its nodes are n1",
        ),
        (
            ["--rig", "table", "--edges", "flowers.csv", "--inputs", "a", "--outputs", "b"],
            "rename the columns of the two nodes to 'a' and 'b'",
        ),
        (
            ["--rig", "table", "--edges", "board.csv", "--inputs", "n1", "--outputs", "n1"],
            "both an input and an output",
        ),
        ([], "asks questions only on a terminal"),
        (["ci"], "needs --config"),
        (["driver"], "write FAMILY.MODEL"),
        (["driver", "Acme!"], "write FAMILY.MODEL"),
        (["driver", "acme.none"], "'none' is a word of Python"),
        (["driver", "ni.ai"], "there is a driver named 'ni.ai' already"),
    ],
)
def test_what_cannot_be_written(lab: Path, given: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", *given]) == 2
    assert says in capsys.readouterr().err.splitlines()[-1]
    assert sorted(path.name for path in lab.iterdir()) == ["board.csv", "flowers.csv", "forces.csv"]


def test_a_node_whose_name_has_a_dash_is_named_by_its_row(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lab / "board.csv").write_text("a,b\nx+,y\nx-,y\n", encoding="utf-8")
    assert main(["init", "--rig", "table", "--edges", "board.csv", "--inputs", "x+,x-", "--outputs", "y"]) == 2
    assert "board.csv:3:1: 'x-' contains '-', which separates the two nodes of an edge" in capsys.readouterr().err


def test_nothing_is_overwritten(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lab / "grid.yaml").write_text("mine", encoding="utf-8")
    assert main(["init", "--rig", "grid"]) == 2
    assert "grid.yaml exists" in capsys.readouterr().err
    assert (lab / "grid.yaml").read_text(encoding="utf-8") == "mine"


def test_what_doctor_finds_becomes_a_configuration(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [
        Finding("NI-DAQmx", "ok", "PXI1Slot3: PXIe-6738"),
        Finding("NI-DAQmx", "ok", "PXI1Slot4: PXIe-6363"),
        Finding("serial port", "ok", "/dev/serial/by-id/usb-board7: CDC"),
    ]
    monkeypatch.setattr(doctor, "examine", lambda probes: found)
    given = ["--rig", "hardware", "--data", "flowers.csv", "--label", "kind"]
    assert main(["init", *given, "--out", "mine.yaml"]) == 0
    assembly = assemble(Path("mine.yaml"))
    assert assembly.header.bench == "hardware"
    assert [device.options.resource for device in assembly.devices.values()] == [  # type: ignore[attr-defined]
        *("PXI1Slot3", "PXI1Slot4", "/dev/serial/by-id/usb-board7"),
    ]
    monkeypatch.setattr(doctor, "examine", lambda probes: found[1:])
    assert main(["init", *given, "--out", "other.yaml"]) == 2
    assert "needed for inputs, error sources and the pilot" in capsys.readouterr().err
    monkeypatch.setattr(doctor, "examine", lambda probes: found[:2])
    assert main(["init", *given, "--out", "other.yaml"]) == 2
    assert "missing: a serial port with a bank of potentiometers" in capsys.readouterr().err


def given(*flags: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(flags)


def test_questions_lead_to_the_same_arguments(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("there.yaml").touch()
    Path("empty.csv").touch()
    answers = iter(["layerd", "layered", "", "flower.csv", "empty.csv", "flowers.csv", "knd", "kind", "widht", ""])
    answers = chain(answers, ["3", "MCP4251-105", "", "12"])
    answers = chain(answers, ["there.yaml", "mine.yaml"])
    arguments = given()
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return next(answers)

    ask(arguments, answer)
    assert (arguments.rig, arguments.data, arguments.label) == ("layered", Path("flowers.csv"), "kind")
    assert arguments.features is None
    assert (arguments.hidden, arguments.part, arguments.bits) == ((3,), "MCP4251-104", 12)
    assert arguments.out == Path("mine.yaml")
    assert asked[0] == asked[1]
    assert asked[2] == asked[3] == asked[4] == asked[5]  # no name, a name of no file, a file without a table
    assert asked[6] == asked[7]  # no column of that name
    assert asked[11] == asked[12]  # no part of that name
    said = capsys.readouterr().out
    assert "has no column 'knd'" in said
    assert "'MCP4251-105' is not one of" in said


def test_what_flags_give_is_not_asked_for(lab: Path) -> None:
    arguments = given("--data", "flowers.csv", "--label", "kind", "--hidden", "3", "--out", "mine.yaml")
    answers = iter(["layered", "", "", "12"])  # rig, features, part, bits
    ask(arguments, lambda question: next(answers))
    assert next(answers, None) is None
    assert (arguments.rig, arguments.bits, arguments.out) == ("layered", 12, Path("mine.yaml"))


@pytest.mark.parametrize("runner", [None, "board-7"])
def test_a_workflow_tests_the_rig(lab: Path, runner: str | None) -> None:
    assert main(["init", *RIGS["grid"], "--out", "grid.yaml"]) == 0
    more = [] if runner is None else ["--runner", runner]
    assert main(["init", "ci", "--config", "grid.yaml", *more]) == 0
    text = (lab / ".github" / "workflows" / "rig.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    assert list(jobs) == ["simulated"] + (["wire", "rig"] if runner else [])
    commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert not any(word in text for word in ("CONFIG", "INSTALL", "RUNNER"))
    for command in commands:
        if command.startswith(".venv/bin/labrig check"):
            assert main(command.partition("labrig ")[2].split()) == 0
    if runner:
        assert jobs["rig"]["runs-on"] == ["self-hosted", runner]
        assert jobs["rig"]["steps"][-2] == {"run": ".venv/bin/labrig safe", "if": "always()"}
