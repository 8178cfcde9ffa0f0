"""The terminal closes: the run ends as on Ctrl-C, with nobody left to read about it. `nohup` lets it go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from crash.runs import Child, check_folders, config

from labrig.runs.journal import read_journal

if not hasattr(signal, "SIGHUP"):
    pytest.skip("this platform has no SIGHUP", allow_module_level=True)

LONG = ("--set", "learning.epochs=1000", "--set", "learning.evaluate.every=0")


def wait_until(condition: Callable[[], bool], process: subprocess.Popen) -> None:
    ends = time.monotonic() + 60.0
    while not condition():
        assert process.poll() is None, "it ended by itself"
        assert time.monotonic() < ends, "the run never came that far"
        time.sleep(0.005)


def drained(terminal: int) -> bool:
    """Read what stands on the terminal, so that nobody waits for room on it; true."""
    with suppress(OSError):
        while os.read(terminal, 65536):
            pass
    return True


def steps(run: Path) -> int:
    return len(read_journal(run / "run.db").step) if (run / "meta.json").is_file() else 0


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.more)])
def test_sighup_ends_a_run_safely(tmp_path, times):
    child = Child(tmp_path, ["run", config("iris"), *LONG])
    child.wait_until(lambda: '"evaluation"' in child.out.read_text())
    for _ in range(times):
        os.kill(child.process.pid, signal.SIGHUP)
        time.sleep(0.001)
    assert child.finish() == 130
    assert child.sources_off
    assert child.lines[-1]["event"] == "interrupted"
    assert check_folders(child.runs, child.lines[-1], "interrupted") == 1


@pytest.mark.more
def test_nohup_goes_on(tmp_path):
    def ignore() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    short = ("--set", "learning.epochs=2", "--no-plots")
    child = Child(tmp_path, ["run", config("iris"), *short], preexec_fn=ignore)
    child.wait_until(lambda: '"evaluation"' in child.out.read_text())
    os.kill(child.process.pid, signal.SIGHUP)
    assert child.finish() == 0
    assert child.lines[-1]["event"] == "finished"


@pytest.mark.parametrize("arguments", [(), pytest.param(("--json",), marks=pytest.mark.more)], ids=["bar", "json"])
def test_a_terminal_that_closes(tmp_path, arguments):
    """stdout and stderr are the terminal, a progress bar is drawn on it, and every write fails from then on."""

    def own_the_terminal() -> None:
        import fcntl
        import termios

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    master, slave = os.openpty()
    os.set_blocking(master, False)
    run, state = tmp_path / "run", tmp_path / "state.json"
    command = [sys.executable, str(Path(__file__).with_name("child.py")), str(state), "run", config("iris")]
    process = subprocess.Popen(
        [*command, "--run-dir", str(run), *LONG, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=own_the_terminal,
    )
    os.close(slave)
    try:
        wait_until(lambda: drained(master) and steps(run) > 0, process)
        os.close(master)
        assert process.wait(60.0) == 130
    finally:
        process.kill()
        process.wait()
    assert all(all(bench.values()) for bench in json.loads(state.read_text()))
    record = read_journal(run / "run.db")
    assert [event for _, event, *_ in record.events] == ["interrupted"]


@pytest.mark.parametrize(
    "measures",
    [
        pytest.param(False, id="while the bench starts", marks=pytest.mark.more),
        pytest.param(True, id="while it measures"),
    ],
)
def test_a_wire_bench_leaves_nothing_behind(tmp_path, measures):
    folder = tmp_path / "tmp"
    folder.mkdir()
    child = Child(tmp_path, ["run", config("iris_wire")], env={**os.environ, "TMPDIR": str(folder)})
    child.wait_until(lambda: any(folder.glob("labrig-wire-*/bench.yaml")))
    if measures:
        child.wait_until(lambda: '"started"' in child.out.read_text())
        time.sleep(0.3)
    os.kill(child.process.pid, signal.SIGHUP)
    time.sleep(0.01)
    os.kill(child.process.pid, signal.SIGHUP)
    assert child.finish() == 130
    assert child.lines[-1]["event"] == "interrupted"
    assert list(folder.iterdir()) == []
    assert "cannot read" not in child.said
    assert "Traceback" not in child.said


def test_virtual_instruments_whose_parent_has_gone_say_nothing(tmp_path):
    """Its configuration went with it, and so did whoever would read what is wrong."""
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(
        [sys.executable, "-m", "labrig", "virtual", "serve", str(tmp_path / "gone.yaml"), "--json", "--until-eof"],
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert process.communicate(timeout=60.0)[1] == ""
    assert process.returncode == 0
