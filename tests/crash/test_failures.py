"""A run that fails in the middle, is killed, or loses its disk: the sources, the steps, the one line."""

from __future__ import annotations

import json
import math
import resource
import signal
from unittest.mock import patch

import pytest
from crash.runs import Child, check_folders, config
from unit.rig.benches import Wrapper, bench_with

from labrig.cli.main import main
from labrig.errors import ConnectionFailed, DeadlineExceeded, Overrange


class FailsAfter(Wrapper):
    """A digitizer that raises `error` after so many reads."""

    def __init__(self, inner, reads: int, error: Exception) -> None:
        super().__init__(inner)
        self.left, self.error = reads, error

    def read(self, timeout_s: float):
        self.left -= 1
        if self.left < 0:
            raise self.error
        return self.inner.read(timeout_s)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectionFailed("gone", device="daq"), 4),
        (DeadlineExceeded("silent", device="daq"), 4),
        (Overrange("clipped", device="daq"), 5),
        (RuntimeError("a fault in a driver"), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
@pytest.mark.parametrize("reads", [2, 4 + 8 * 3 + 5], ids=["evaluation", "fourth step"])
def test_an_error_inside_a_run(tmp_path, capsys, error, code, reads):
    benches = []

    class Bench(bench_with({"daq": lambda daq: FailsAfter(daq, reads, error)})):
        def __init__(self, *arguments, **more) -> None:
            super().__init__(*arguments, **more)
            benches.append(self)

    with patch("labrig.assembly.benches.simulated.SimulatedBench", Bench):
        assert main(["run", config("xor"), "--json", "--runs-dir", str(tmp_path)]) == code
    out, err = capsys.readouterr()
    last = json.loads(out.splitlines()[-1])
    assert (last["event"], last["kind"], last["exit_code"]) == ("error", type(error).__name__, code)
    assert len([line for line in err.splitlines() if str(error) in line]) == 1
    assert "Traceback" not in err
    (bench,) = benches
    assert set(bench.world.playing(math.inf).values()) == {None}
    assert check_folders(tmp_path, None, "failed") == 1


@pytest.mark.parametrize("error", [Overrange("clipped", device="daq"), RuntimeError("a fault in a driver")], ids=repr)
def test_the_window_for_the_spectrum_fails_after_training(tmp_path, capsys, error):
    """The run is over by then, and ends as it ended; its other pictures are drawn."""
    until_then = 4 + 2 * 8 + 4  # an evaluation, two steps, an evaluation
    bench = bench_with({"daq": lambda daq: FailsAfter(daq, until_then, error)})
    run = tmp_path / "run"
    arguments = ["run", config("xor"), "--run-dir", str(run), "--json", "--set", "learning.epochs=2"]
    with patch("labrig.assembly.benches.simulated.SimulatedBench", bench):
        assert main([*arguments, "--set", "task.target.rms=1 nV"]) == 7
    out, err = capsys.readouterr()
    last = json.loads(out.splitlines()[-1])
    assert (last["event"], last["steps"], last["acquisitions"]) == ("finished", 2, 16)
    assert last["evaluation_acquisitions"] == 8
    assert sorted(path.name for path in run.glob("*.png")) == ["conductances.png", "learning.png"]
    assert "labrig: pictures not drawn: spectrum.png: " in err
    assert str(error) in err
    assert check_folders(tmp_path, last, "missed") == 1


def test_a_run_that_is_killed_leaves_every_committed_step(tmp_path):
    child = Child(tmp_path, ["run", config("xor"), "--set", "learning.epochs=5000"])
    child.wait_until(lambda: child.out.read_text().count('"evaluation"') >= 3)
    child.process.kill()
    assert child.finish() == -signal.SIGKILL
    assert check_folders(child.runs, None, "killed") == 1


def test_a_disk_that_fills_up(tmp_path):
    def limit_file_size() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))

    child = Child(tmp_path, ["run", config("xor"), "--set", "learning.epochs=5000"], preexec_fn=limit_file_size)
    assert child.finish() == 6
    assert child.sources_off
    (line,) = [line for line in child.said.splitlines() if line.startswith("labrig:")]
    assert "cannot write" in line
    assert "remedy" in line
    assert (child.lines[-1]["event"], child.lines[-1]["kind"]) == ("error", "StorageError")


@pytest.mark.parametrize("option", ["--runs-dir", "--run-dir"])
def test_a_folder_that_cannot_be_made(tmp_path, capsys, option):
    (tmp_path / "file").write_text("")
    assert main(["run", config("divider"), option, str(tmp_path / "file" / "runs")]) == 6
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("labrig: cannot create a run folder")
