"""A run without its terminal: begun, followed, stopped."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labrig.cli.detached import BEFORE, LOG, follow
from labrig.cli.main import main
from labrig.runs.folder import RunFolder
from labrig.runs.lock import is_being_written
from labrig.runs.summary import summarize


def begin(tmp_path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> RunFolder:
    command = ["run", "divider.yaml", "--no-plots", "--detach", "--json", "--runs-dir", str(tmp_path), *more]
    assert main(command) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["event"] == "started"
    return RunFolder(Path(line["run"]))


def test_it_is_followed_to_its_end(tmp_path, capsys):
    folder = begin(tmp_path, capsys, "--set", "learning.epochs=4", "--set", "task.target.rms=1 nV")
    assert main(["attach", str(folder.path)]) == 7
    assert "finished after 4 steps" in capsys.readouterr().out
    assert summarize(folder)["state"] == "missed"
    assert not list(tmp_path.glob(".detached-*"))
    assert main(["attach", str(folder.path), "--json"]) == 7  # once more, after its end
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["event"] == "finished"


def test_it_survives_the_session_that_began_it(tmp_path):
    program = [sys.executable, "-m", "labrig", "run", "divider.yaml", "--no-plots", "--detach", "--json"]
    options = ["--set", "learning.epochs=100000", "--runs-dir", str(tmp_path)]
    begun = subprocess.run([*program, *options], capture_output=True, text=True, start_new_session=True, timeout=100)
    folder = RunFolder(Path(json.loads(begun.stdout)["run"]))
    assert is_being_written(folder.journal)
    assert main(["abort", str(folder.path)]) == 0
    ends = time.monotonic() + 10
    while is_being_written(folder.journal) and time.monotonic() < ends:
        time.sleep(0.05)
    assert summarize(folder)["state"] == "interrupted"
    assert main(["attach", str(folder.path)]) == 130


def test_what_goes_wrong_at_the_start_is_said(tmp_path, capsys):
    assert main(["run", "divider.yaml", "--detach", "--set", "learning.rte=1", "--runs-dir", str(tmp_path)]) == 3
    assert "unknown key 'rte'" in capsys.readouterr().err
    assert main(["run", "divider.yaml", "--detach", "--dashboard", "--runs-dir", str(tmp_path)]) == 2
    assert "watch the run with: labrig dashboard" in capsys.readouterr().err
    assert main(["run", "divider.yaml", "--detach", "--seed", "1..2", "--runs-dir", str(tmp_path)]) == 2
    assert main(["attach", str(tmp_path)]) == 2


def test_a_run_that_was_not_detached(tmp_path, capsys):
    run = str(tmp_path / "run")
    assert main(["run", "divider.yaml", "--no-plots", "--set", "learning.epochs=1", "--run-dir", run]) == 0
    assert main(["attach", run]) == 6
    assert "labrig run --detach" in capsys.readouterr().err


def test_long_output_is_moved_and_followed_all_the_same(tmp_path, capsys):
    """The output of a child process, as that of a detached run; another process goes on writing to it."""
    program = f"""
import os, pathlib, time
from labrig.cli.detached import keep_short
for number in range(300):
    print(f'{{{{"number": {{number}}}}}}', flush=True)
    keep_short(pathlib.Path({str(tmp_path)!r}), longest=2000)
    time.sleep(0.002)
"""
    with (tmp_path / LOG).open("ab") as output:
        child = subprocess.Popen([sys.executable, "-c", program], stdout=output)
    lines = []
    last = follow(tmp_path, lambda: child.poll() is None, lines.append)
    assert child.wait() == 0
    assert last == {"number": 299}
    numbers = [json.loads(line)["number"] for line in lines]
    assert numbers == sorted(set(numbers))
    assert len(numbers) > 100
    assert (tmp_path / LOG).stat().st_size <= 2100
    assert 2000 < (tmp_path / BEFORE).stat().st_size <= 2100
