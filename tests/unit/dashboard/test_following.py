"""A run is followed by what is added to it, and agrees at every moment with its journal read as a whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import labrig
from labrig.cli.main import main
from labrig.dashboard import following as module
from labrig.dashboard.following import Following
from labrig.dashboard.views import Views, views_of
from labrig.errors import StorageError
from labrig.runs.folder import RunFolder
from labrig.runs.journal import Evaluation, Step, read_journal


class Killed(BaseException):
    """Ends a run as SIGKILL would: nothing is recorded after it."""


def agrees(followed: Following) -> None:
    record = read_journal(followed.folder.journal)
    assert followed.problem == ""
    assert followed.counts == (len(record.step), len(record.evaluations))
    assert followed.series["step"] == record.step.tolist()
    assert followed.series["loss"] == pytest.approx(record.loss)
    assert followed.series["gradient"] == pytest.approx(np.linalg.norm(record.gradient, axis=1))
    assert followed.conductances == pytest.approx(1e6 * record.conductances[-1])
    assert [each["step"] for each in followed.evaluations] == [each.step for each in record.evaluations]


def test_a_run_that_goes_on_is_killed_and_resumed(tmp_path: Path) -> None:
    followed = Following(RunFolder(tmp_path / "run"))
    looks = 0

    def look(each: Step | Evaluation) -> None:
        nonlocal looks
        if isinstance(each, Step) and each.index in (1, 2, 5):
            followed.look()
            agrees(followed)
            assert followed.since(0, 0)["summary"]["state"] == "running"
            looks += 1
        if isinstance(each, Step) and each.index == 7:
            raise Killed

    with pytest.raises(Killed):
        labrig.train("xor.yaml", run_dir=tmp_path / "run", report=look, settings={"learning.epochs": 12})
    assert looks == 3
    followed.look()
    agrees(followed)
    assert followed.since(0, 0)["summary"]["state"] == "killed"
    assert main(["resume", str(tmp_path / "run"), "--no-plots"]) == 0
    followed.look()
    agrees(followed)
    assert followed.counts[0] == 12
    now = followed.since(10, 1)
    assert now["series"]["step"] == [11, 12]
    assert now["summary"]["state"] == "finished"
    assert len(now["evaluations"]) == followed.counts[1] - 1


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    labrig.train("xor.yaml", run_dir=folder / "run", plots=False, settings={"learning.epochs": 3})
    return folder


def test_a_damaged_journal_keeps_what_was_read(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for file in (runs / "run").iterdir():
        (tmp_path / "run" / file.name).write_bytes(file.read_bytes())
    followed = Following(RunFolder(tmp_path / "run"))
    followed.look()
    (tmp_path / "run" / "run.db").write_bytes(b"nonsense")
    followed.look()
    assert "run.db" in followed.problem
    assert followed.series["step"] == [1, 2, 3]
    (tmp_path / "run" / "run.db").unlink()
    followed.look()
    assert "missing" in followed.problem


def test_a_journal_that_did_not_change_is_not_read_again(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    followed = Following(RunFolder(runs / "run"))
    followed.look()

    def read_again(*arguments: object) -> None:
        raise AssertionError("the journal was read")

    monkeypatch.setattr(module, "read_growth", read_again)
    followed.look()
    assert followed.problem == ""


@pytest.mark.parametrize("name", ["nothing", "..", "../run", "run/../run", "/etc", "", ".", "a\0b", "x" * 300])
def test_only_runs_of_the_folder_are_found(runs: Path, name: str) -> None:
    views = views_of(runs)
    assert views.follow(name) is None
    assert views.report(name) is None
    assert views.comparison(("run", name)) is None


def test_a_single_run(runs: Path) -> None:
    labrig.train("xor.yaml", run_dir=runs / "other", plots=False, settings={"learning.epochs": 1})
    views = views_of(runs / "run")
    assert [each["run"] for each in views.runs()["runs"]] == ["run"]
    assert views.follow("other") is None
    assert {each["run"] for each in views_of(runs).runs()["runs"]} == {"run", "other"}


def test_two_runs(runs: Path) -> None:
    labrig.train("xor.yaml", run_dir=runs / "seed1", seed=1, plots=False, settings={"learning.epochs": 2})
    found = Views(runs).comparison(("run", "seed1"))
    assert found is not None
    assert found["comparison"]["steps"] == [3, 2]
    assert found["comparison"]["differs"]["epochs"] == [3, 2]
    assert [found["curves"][name]["series"]["step"] for name in ("run", "seed1")] == [[1, 2, 3], [1, 2]]


def test_few_runs_are_kept_in_memory(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labrig.dashboard.views.MOST_FOLLOWED", 1)
    views = views_of(runs)
    first = views.follow("run")
    assert views.follow("run") is first
    labrig.train("xor.yaml", run_dir=runs / "third", plots=False, settings={"learning.epochs": 1})
    views.follow("third")
    assert views.follow("run") is not first


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no folder"):
        views_of(tmp_path / "nothing")
