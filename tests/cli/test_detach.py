"""A run without its terminal: begun, followed, stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from labrig.cli.detached import BEFORE, LOG, follow
from labrig.cli.main import main
from labrig.errors import StorageError
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


LONG = ("--set", "learning.epochs=100000")


def killed(folder: RunFolder, process: int) -> None:
    """Kill a run after some steps."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        with suppress(StorageError):  # the journal is being created
            if summarize(folder)["steps"] >= 3:
                break
        time.sleep(0.05)
    os.kill(process, signal.SIGKILL)
    while is_being_written(folder.journal) and time.monotonic() < ends:
        time.sleep(0.05)


@pytest.mark.more
def test_a_run_that_was_killed_and_resumed_elsewhere_is_told_as_it_is(tmp_path, capsys):
    assert main(["run", "divider.yaml", "--no-plots", "--detach", "--json", "--runs-dir", str(tmp_path), *LONG]) == 0
    begun = json.loads(capsys.readouterr().out)
    folder = RunFolder(Path(begun["run"]))
    killed(folder, begun["process"])
    steps = summarize(folder)["steps"]
    assert main(["attach", str(folder.path)]) == 130
    message = f"the run was killed after {steps} steps; continue with: labrig resume {folder.path}"
    assert capsys.readouterr().err.splitlines()[-1] == f"labrig: {message}"
    assert main(["attach", str(folder.path), "--json"]) == 130
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["event"], last["steps"], last["message"]) == ("killed", steps, message)

    with subprocess.Popen(
        [sys.executable, "-m", "labrig", "resume", str(folder.path), "--no-plots"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as resumed:
        while not any(event["event"] == "resumed" for event in summarize(folder)["events"]):
            assert resumed.poll() is None
            time.sleep(0.05)
        timer = threading.Timer(1.0, lambda: resumed.send_signal(signal.SIGINT))
        timer.start()
        assert main(["attach", str(folder.path)]) == 130
        timer.join()
        captured = capsys.readouterr()
        assert f"goes on in process {resumed.pid}" in captured.err
        assert captured.out.startswith(f"interrupted after {summarize(folder)['steps']} steps: {folder.path}\n")
        assert resumed.wait(30) == 130
    assert summarize(folder)["steps"] > steps


@pytest.mark.more
def test_pictures_that_are_drawn_at_the_end_are_waited_for(tmp_path, capsys):
    options = ["--json", "--runs-dir", str(tmp_path), "--set", "learning.epochs=2"]
    assert main(["run", "divider.yaml", "--detach", *options]) == 0
    run = json.loads(capsys.readouterr().out)["run"]
    assert main(["attach", run]) == 0
    assert "learning.png" in capsys.readouterr().out


def test_an_error_is_told_once(tmp_path, capsys):
    fault = ["--set", "simulation.faults=[{what: disconnect, where: daq, acquisition: 16}]"]
    command = ["run", "xor.yaml", "--no-plots", "--detach", "--json", "--runs-dir", str(tmp_path), *fault]
    assert main(command) == 0
    run = json.loads(capsys.readouterr().out)["run"]
    assert main(["attach", run]) == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("labrig: daq: ") == 1
    (Path(run) / LOG).write_text("")  # as after a run that was killed before it could print the error
    os.utime(Path(run) / "run.db", (0, 0))
    assert main(["attach", run]) == 4
    assert "the run failed after" in capsys.readouterr().err


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
    print(f'{{{{"event": "number", "number": {{number}}}}}}', flush=True)
    keep_short(pathlib.Path({str(tmp_path)!r}), longest=2000)
    time.sleep(0.002)
"""
    with (tmp_path / LOG).open("ab") as output:
        child = subprocess.Popen([sys.executable, "-c", program], stdout=output)
    lines = []
    last = follow(tmp_path, lambda: child.poll() is None, lines.append)
    assert child.wait() == 0
    assert last == {"event": "number", "number": 299}
    numbers = [json.loads(line)["number"] for line in lines]
    assert numbers == sorted(set(numbers))
    assert len(numbers) > 100
    assert (tmp_path / LOG).stat().st_size <= 2100
    assert 2000 < (tmp_path / BEFORE).stat().st_size <= 2100
