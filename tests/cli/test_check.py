"""`labrig check`: what it prints of a configuration without mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from cli.config_texts import IRIS, ISLANDS, write

from labrig.cli.main import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, IRIS)
    (tmp_path / "bad.yaml").rename(tmp_path / "iris_small.yaml")
    return tmp_path


def resolved(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, tuple[str, str]]:
    """Value and origin of every key, from --show-resolved --json."""
    assert main(["check", "--show-resolved", "--json", *argv]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    said = json.loads(captured.out)
    assert (said["event"], said["faults"]) == ("checked", [])
    paths = [item["path"] for item in said["resolved"]]
    assert len(paths) == len(set(paths))
    return {item["path"]: (item["value"], item["origin"]) for item in said["resolved"]}


def test_every_value_is_shown_with_its_origin(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = resolved(capsys, "iris_small.yaml")
    assert values["version"] == ("1", "iris_small.yaml:1")
    assert values["network.programmable.range[1]"] == ("100 µS", "iris_small.yaml:7")
    assert values["learning.hysteresis"] == ("0.05", "default")
    assert values["acquisition.pilot"] == ("1 V", "default")
    assert values["instruments.awg.settle"] == ("400 µs", "default")
    assert values["instruments.pots.part"] == ("MCP4251-104", "iris_small.yaml:25")
    assert values["wiring.in3.sense"] == ("daq/3", "iris_small.yaml:27")
    assert values["wiring.edges"] == ("pots/0..17", "iris_small.yaml:30")
    assert not any(path in values for path in ("network", "instruments", "wiring", "limits"))


def test_sections_left_out_are_shown_with_their_defaults(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "islands.yaml").write_text(ISLANDS, encoding="utf-8")
    values = resolved(capsys, "islands.yaml")
    assert values["seed"] == ("0", "default")
    assert values["limits.edge_power"] == ("5 mW", "default")
    assert values["simulation.preset"] == ("typical", "default")
    assert values["simulation.noise"] == ("100 µV", "from preset")
    assert values["simulation.seed"] == ("0", "from seed")
    assert (values["acquisition.mains[0]"], values["acquisition.mains[1]"]) == (
        ("50 Hz", "default"),
        ("60 Hz", "default"),
    )


def test_the_table_holds_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = resolved(capsys, "iris_small.yaml")
    assert main(["check", "--show-resolved", "iris_small.yaml"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["key", "value", "origin"]
    assert lines[-1] == "iris_small.yaml: ok"
    shown = [line.split(maxsplit=1) for line in lines[2:-1]]
    assert [(path, *rest.rsplit("  ", 1)[-1:]) for path, rest in shown] == [
        (path, origin) for path, (_, origin) in values.items()
    ]


def test_without_show_resolved_json_says_no_more_than_ok(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--json", "iris_small.yaml"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"event": "checked", "config": "iris_small.yaml", "faults": []}


def test_a_file_lies_over_what_it_extends(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "lab").mkdir()
    text = """\
extends: [../iris_small.yaml]
name: lab
learning: {rate: 0.2}
instruments:
  awg: {full_scale: 10 V}
wiring:
  in3: {through: 75 Ω}
limits: {step: 1 s}
"""
    (folder / "lab" / "lab.yaml").write_text(text, encoding="utf-8")
    values = resolved(capsys, "lab/lab.yaml")
    base = "lab/../iris_small.yaml"
    assert values["name"] == ("lab", "lab/lab.yaml:2")
    assert values["learning.rate"] == ("0.2", "lab/lab.yaml:3")
    assert values["learning.epochs"] == ("2", f"{base}:20")
    assert values["instruments.awg.full_scale"] == ("10 V", "lab/lab.yaml:5")
    assert values["instruments.awg.channels"] == ("10", f"{base}:23")
    assert values["wiring.in3.through"] == ("75 Ω", "lab/lab.yaml:7")
    assert values["wiring.in3.drive"] == ("awg/3", f"{base}:27")
    assert values["wiring.in4.through"] == ("50 Ω", f"{base}:27")
    assert values["limits.node"] == ("5 V", f"{base}:32")
    # The data are named by the base, so they are looked up beside the base.
    assert values["task.classification.data"] == ("flowers.csv", f"{base}:9")


def test_a_mistake_in_what_is_extended_is_marked_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "lab.yaml").write_text("extends: [iris_small.yaml]\nwiring:\n  in3: {sense: daq/4}\n", encoding="utf-8")
    assert main(["check", "lab.yaml"]) == 3
    assert "iris_small.yaml:27:55: wiring.in4.sense: channel daq/4 is used twice (also by in3.sense)" in (
        capsys.readouterr().err
    )


def test_overrides_come_last_and_in_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = resolved(
        capsys, "iris_small.yaml", "--set", "learning.rate=0.05", "--set", "learning.rate=0.06", "--set", "seed=5",
        "--set", "task.encode.bias[1]=500 mV", "--set", "simulation.seed=9", "--seed", "7",
    )  # fmt: skip
    assert values["learning.rate"] == ("0.06", "--set")
    assert values["seed"] == ("7", "--set")
    assert values["task.encode.bias[1]"] == ("500 mV", "--set")
    assert values["task.encode.bias[0]"] == ("-1 V", "iris_small.yaml:11")
    assert values["simulation.seed"] == ("9", "--set")


def test_another_task_replaces_the_one_of_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "islands.yaml").write_text(ISLANDS, encoding="utf-8")
    values = resolved(capsys, "islands.yaml", "--set", "task.allostery={inputs: [1 V], targets: [500 mV]}")
    assert values["task.allostery.targets[0]"] == ("500 mV", "--set")
    assert "task.divider" not in values


@pytest.mark.parametrize(
    "name",
    ["iris.yaml", "iris_hidden.yaml", "xor.yaml", "regression.yaml", "sine.yaml", "allostery.yaml", "divider.yaml"],
)
def test_packaged_configurations_are_found_by_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check", name]) == 0
    assert f"{name}: ok\n" in capsys.readouterr().out


def test_the_ending_of_a_name_may_be_omitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check", "divider"]) == 0
    assert capsys.readouterr().out.endswith("divider.yaml: ok\n")


def test_a_file_here_comes_before_a_packaged_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "iris_small.yaml").rename(folder / "iris.yaml")
    assert resolved(capsys, "iris.yaml")["name"] == ("iris", "iris.yaml:2")


def test_the_configuration_of_a_run_can_be_run_again(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert main(["run", "iris_small.yaml", "--no-plots", "--run-dir", "first", "--set", "learning.epochs=1"]) == 0
    kept = folder / "first" / "config.resolved.yaml"
    assert yaml.safe_load(kept.read_text(encoding="utf-8"))["task"]["classification"]["data"] == str(
        folder.resolve() / "flowers.csv"
    )
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert main(["run", str(kept), "--no-plots", "--run-dir", "second"]) == 0
    again = Path("second", "config.resolved.yaml").read_text(encoding="utf-8")
    assert again == kept.read_text(encoding="utf-8")
    capsys.readouterr()


def test_the_largest_current_that_check_names_passes_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    through = ["--set", "wiring.out0.through=97.3 kΩ"]  # 5 V through it is 51.3875 µA
    assert main(["check", "divider.yaml", *through, "--set", "learning.error.current=1 mA"]) == 3
    most = capsys.readouterr().err.partition("use at most ")[2].partition("\n")[0]
    assert main(["check", "divider.yaml", *through, "--set", f"learning.error.current={most}"]) == 0, most


def test_inputs_that_only_lack_complements_are_told_the_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "iris.yaml", "--set", "task.encode.complements=false"]) == 3
    assert "but 10 nodes are driven; write 'complements: true' in task.encode, or wire" in capsys.readouterr().err
