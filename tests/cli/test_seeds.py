"""`labrig run --seed A..B`: a run for each seed, and one table."""

from __future__ import annotations

import json

import pytest

from labrig.cli.main import main

SHORT = ["run", "divider.yaml", "--set", "learning.epochs=3", "--no-plots"]


def test_there_is_a_run_for_each_seed_and_one_table(tmp_path, capsys):
    assert main([*SHORT, "--seed", "4..6", "--runs-dir", str(tmp_path), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines].count("finished") == 3
    last = lines[-1]
    assert (last["event"], [run["seed"] for run in last["runs"]]) == ("seeds", [4, 5, 6])
    losses = [run["metrics"]["loss"] for run in last["runs"]]
    assert last["metrics"]["loss"] == {"mean": sum(losses) / 3, "least": min(losses), "largest": max(losses)}
    assert len(list(tmp_path.iterdir())) == 3


def test_the_table_can_be_read(tmp_path, capsys):
    assert main([*SHORT, "--seed", "0..1", "--runs-dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines()[-5:]]
    assert [line[0] for line in lines] == ["0", "1", "mean", "least", "largest"]
    assert [line[-1] for line in lines[:2]] == sorted(map(str, tmp_path.iterdir()))  # the folder of each seed


@pytest.mark.parametrize("seed", ["3..1", "a..2", "..", "1..", "-1..2"])
def test_what_is_no_range(tmp_path, capsys, seed):
    assert main([*SHORT, f"--seed={seed}", "--runs-dir", str(tmp_path)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_one_folder_is_not_enough_for_several(tmp_path, capsys):
    assert main([*SHORT, "--seed", "0..2", "--run-dir", str(tmp_path / "run")]) == 2
    assert "--runs-dir" in capsys.readouterr().err
