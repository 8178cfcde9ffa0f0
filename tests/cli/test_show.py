"""show and ls: what they print of a run, of a damaged folder, and of what is no run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labrig.cli.main import main
from labrig.runs.folder import RunFolder
from labrig.runs.journal import Event, Journal


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run without pictures."""
    run = tmp_path_factory.mktemp("trained") / "run"
    assert main(["run", "xor.yaml", "--no-plots", "--run-dir", str(run), "--set", "learning.epochs=3"]) == 0
    return run


def test_show_names_what_must_be_the_same_in_readable_lines(trained, capsys):
    assert main(["show", str(trained)]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{trained}: finished after 3 steps\n")
    for line in ("  task.target_v         0.06", "  network.layered       6, 6, 2", "  simulation.preset     typical"):
        assert f"{line}\n" in out
    assert not any(sign in out for sign in ("{", "[", "None", "True"))


@pytest.mark.parametrize(
    ("end", "last"),
    [
        (None, " continue with: labrig resume {}"),  # killed
        ("interrupted", " continue with: labrig resume {}"),
        ("failed", " after correcting the cause, continue with: labrig resume {}"),
        ("finished", ""),
    ],
)
def test_show_ends_with_the_command_that_continues_a_run(trained, tmp_path, capsys, end, last):
    run = tmp_path / "run"
    run.mkdir()
    (run / "meta.json").write_bytes((trained / "meta.json").read_bytes())
    with Journal(run / "run.db") as journal:
        if end is not None:
            journal.event(Event(0, end, {"metrics": {}}))
    assert main(["show", str(run)]) == 0
    shown = capsys.readouterr().out.splitlines()[-1]
    assert shown == last.format(run) if end != "finished" else "resume" not in shown


def test_show_as_json_has_the_card_and_the_events(trained, capsys):
    assert main(["show", str(trained), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["card"] == RunFolder(trained).meta()["card"]
    assert (shown["state"], shown["events"]) == ("finished", [])


def test_a_run_is_found_by_its_name(trained, capsys):
    assert main(["show", trained.name, "--runs-dir", str(trained.parent)]) == 0
    assert capsys.readouterr().out.startswith(f"{trained}: finished")


@pytest.mark.parametrize("name", ["nothing", "x" * 300, "a\0b"])
def test_a_name_that_is_no_run(tmp_path, monkeypatch, capsys, name):
    monkeypatch.chdir(tmp_path)
    assert main(["show", name, "--json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["exit_code"] == 2
    assert "there is no run" in captured.err
    assert "rrno" not in captured.err


def test_a_damaged_folder_beside_healthy_ones(tmp_path, capsys):
    for name in ("a", "b"):
        assert main(["run", "divider.yaml", "--no-plots", "--run-dir", str(tmp_path / name)]) == 0
    (tmp_path / "a" / "run.db").write_bytes(b"")
    capsys.readouterr()
    assert main(["ls", "--runs-dir", str(tmp_path)]) == 0
    _, _, damaged, healthy = capsys.readouterr().out.splitlines()
    assert damaged.split()[:3] == [str(tmp_path / "a"), "damaged", "–"]
    assert damaged.endswith("run.db: it is empty")
    assert healthy.split()[:3] == [str(tmp_path / "b"), "finished", "60"]
    assert main(["ls", "--json", "--runs-dir", str(tmp_path)]) == 0
    assert [run["state"] for run in json.loads(capsys.readouterr().out)["runs"]] == ["damaged", "finished"]
    assert main(["show", str(tmp_path / "a")]) == 6
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "remedy: restore it" in captured.err


def test_a_missed_goal_keeps_the_figures(tmp_path, capsys):
    run = tmp_path / "run"
    goal = ["--set", "learning.epochs=1", "--set", "task.target.rms=1 nV"]
    assert main(["run", "divider.yaml", "--no-plots", "--run-dir", str(run), *goal]) == 7
    capsys.readouterr()
    assert main(["ls", "--runs-dir", str(tmp_path)]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.split()[1] == "missed"
    assert "loss " in line
    assert "but the target is 1e-09" in line
    assert main(["show", str(run)]) == 0
    assert f"{run}: finished, target missed, after 1 step\n" in capsys.readouterr().out


def test_show_says_which_step_was_repeated(tmp_path, capsys):
    run = tmp_path / "run"
    fault = "simulation.faults=[{what: reset, where: pots, acquisition: 13}]"
    arguments = ["xor.yaml", "--no-plots", "--run-dir", str(run), "--set", "learning.epochs=3", "--set", fault]
    assert main(["run", *arguments]) == 0
    capsys.readouterr()
    assert main(["show", str(run)]) == 0
    assert "\n  step 2 was repeated: the potentiometers lost their settings\n" in capsys.readouterr().out


def test_nothing_to_plot(tmp_path, capsys):
    with Journal(tmp_path / "run.db") as journal:
        journal.event(Event(0, "interrupted", {"metrics": {}}))
    assert main(["show", str(tmp_path), "--plot"]) == 0
    assert "nothing to plot" in capsys.readouterr().out
    assert not list(tmp_path.glob("*.png"))
