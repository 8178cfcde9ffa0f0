"""A run that is taken up again: bit for bit the same on the simulated bench, reconciled everywhere else."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trials import quick

from labrig.assembly import assemble, packaged_configs
from labrig.errors import ChannelFault, ConfigError, Overrange, StorageError, UsageError
from labrig.instruments.data import Level
from labrig.procedures.reconcile import reconciled, require_same_rig
from labrig.procedures.resume import Resumable
from labrig.procedures.train import train
from labrig.runs.folder import RunFolder
from labrig.runs.integrity import damages
from labrig.runs.journal import Evaluation, Event, Intent, Journal, Step, read_journal
from labrig.runs.summary import summarize

CONFIG = Path("divider.yaml")
SHORT = ("learning.epochs=9", "learning.evaluate.every=4")


def stopped_after(count: int) -> Callable[[], bool]:
    """A `stop` that is True after it was asked so many times."""
    asked = iter(range(count))
    return lambda: next(asked, None) is None


def arrays(path: Path) -> dict[str, Any]:
    steps = read_journal(path / "run.db").steps
    return {name: np.array(value) for name, value in steps.items() if name not in ("wall_s", "bench_s", "examples")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without interruption."""
    path = tmp_path_factory.mktemp("whole") / "run"
    train(assemble(CONFIG, SHORT), run_dir=path, plots=False)
    return path


@pytest.mark.parametrize("asked", quick(4, [3, 7, 10, 13, 1, 2, 4, 5, 6, 8, 9, 11, 12]))
def test_it_is_the_same_wherever_it_was_stopped(tmp_path, whole, asked):
    path = tmp_path / "run"
    first = train(assemble(CONFIG, SHORT), run_dir=path, plots=False, stop=stopped_after(asked))
    assert first.state == "interrupted"
    reported: list[Step | Evaluation] = []
    result = Resumable(RunFolder(path)).resume(plots=False, report=reported.append)
    assert result.state == "finished"
    assert [each.index for each in reported if isinstance(each, Step)] == list(range(first.steps + 1, 10))
    for name, values in arrays(whole).items():
        np.testing.assert_array_equal(arrays(path)[name], values, err_msg=name)
    one, other = read_journal(whole / "run.db"), read_journal(path / "run.db")
    for mine, theirs in zip(one.evaluations, other.evaluations, strict=True):
        assert (mine.metrics, mine.bench_clock_s) == (theirs.metrics, theirs.bench_clock_s)
    lines = [
        {k: v for k, v in record.events[-1].detail.items() if k not in ("run", "wall_s")} for record in (one, other)
    ]
    assert lines[0] == lines[1]


def test_a_finished_run_says_so_again_and_can_be_trained_further(tmp_path, whole):
    path = Path(shutil.copytree(whole, tmp_path / "run"))
    assert Resumable(RunFolder(path)).finished["steps"] == 9
    run = Resumable(RunFolder(path), epochs=12)
    assert run.finished is None
    result = run.resume(plots=False)
    assert (result.steps, result.evaluated_at_step, result.state) == (12, 12, "finished")
    np.testing.assert_array_equal(arrays(path)["shadow"][:9], arrays(whole)["shadow"])
    assert Resumable(RunFolder(path)).finished["steps"] == 12
    with pytest.raises(UsageError, match="is already configured for 12 epochs"):
        Resumable(RunFolder(path), epochs=3)


def test_what_ended_before_anything_was_measured_begins_again(tmp_path, whole):
    path = tmp_path / "run"
    train(assemble(CONFIG, SHORT), run_dir=path, plots=False, stop=lambda: True)
    assert len(read_journal(path / "run.db").step) == 0
    assert Resumable(RunFolder(path)).resume(plots=False).state == "finished"
    np.testing.assert_array_equal(arrays(path)["shadow"], arrays(whole)["shadow"])


def test_what_cannot_be_resumed(tmp_path, whole):
    old = Path(__file__).parents[1] / "runs" / "written_by_schema_4"
    with pytest.raises(StorageError, match="written by an older labrig"):
        Resumable(RunFolder(Path(shutil.copytree(old, tmp_path / "old"))))
    path = Path(shutil.copytree(whole, tmp_path / "changed"))
    (path / "meta.json").write_text((path / "meta.json").read_text().replace("divider", "dividex"))
    with pytest.raises(StorageError, match=r"meta\.json has changed"):
        Resumable(RunFolder(path))
    path = Path(shutil.copytree(whole, tmp_path / "without"))
    (path / "config.resolved.yaml").unlink()
    with pytest.raises(StorageError, match=r"config\.resolved\.yaml: it is missing"):
        Resumable(RunFolder(path))
    (path / "meta.json").unlink()
    with pytest.raises(StorageError, match=r"config\.resolved\.yaml: it is missing"):
        Resumable(RunFolder(path))


def test_how_faults_are_treated_may_change_in_between(tmp_path):
    path, clips = tmp_path / "run", "simulation.faults=[{acquisition: 30, what: over_range, where: daq/3, for: 1}]"
    short = ("task.split={train_per_class: 4, test_per_class: 4}", "learning.epochs=1", "learning.evaluate.every=0")
    with pytest.raises(Overrange):
        train(assemble(Path("iris.yaml"), (*short, clips)), run_dir=path, plots=False)
    folder = RunFolder(path)
    assert Resumable(folder, overrides=["faults.overrange=retry"]).resume(plots=False).state == "finished"
    assert "overrange: retry" in (path / "config.resolved.yaml").read_text(encoding="utf-8")
    assert not list(damages(folder))


def test_what_is_measured_may_not_change_in_between(tmp_path, whole):
    shutil.copytree(whole, path := tmp_path / "run")
    for override, says in (
        ("learning.rate=0.5", "only instruments and faults may change"),
        ("instruments.pots.range=[1 µS, 2 µS]", "unknown key"),
    ):
        with pytest.raises((UsageError, ConfigError), match=says):
            Resumable(RunFolder(path), overrides=[override])


def test_another_data_file_or_instrument_is_refused(whole):
    meta = RunFolder(whole).meta()
    require_same_rig(meta, json.loads(json.dumps(meta)))
    other = json.loads(json.dumps(meta))
    other["card"]["epochs"] = 99
    require_same_rig(meta, other)
    other["card"]["task"]["input_v"] = 0.5
    with pytest.raises(ConfigError, match=r"task\.input_v changed"):
        require_same_rig(meta, other)
    other = json.loads(json.dumps(meta))
    other["identities"]["daq"][1] = "another"
    with pytest.raises(Exception, match="daq: is generic another, but the run began with generic simulated-daq"):
        require_same_rig(meta, other)


def test_the_board_is_compared_before_it_is_written(tmp_path, caplog):
    assembly = assemble(Path("iris.yaml"))
    setup = assembly.setup()
    with setup.rig as rig, Journal(tmp_path / "run.db") as journal:
        experiment = assembly.experiment(rig, journal)
        experiment.program()
        assert reconciled(experiment, None, "refuse") == {"differing": [], "ahead": 0}
        rig.program({3: Level(100), 5: Level(101)})
        intent = Intent(1, (3,), np.array([rig.nominal(3, Level(100))]))
        names = [rig.edges[3], rig.edges[5]]
        assert reconciled(experiment, intent, "write") == {"differing": names, "ahead": 1}
        assert "2 of 30 edges do not hold the settings in the journal" in caplog.text
        assert f"{names[0]} holds" in caplog.text
        assert "1 of these hold the settings of step 1, which was cut off" in caplog.text
        with pytest.raises(ChannelFault, match=r"storage\.resume=write"):
            reconciled(experiment, intent, "refuse")


def test_a_run_in_progress_is_left_alone(tmp_path, whole):
    path = Path(shutil.copytree(whole, tmp_path / "run"))
    with Journal.reopened(path / "run.db") as journal:
        journal.event(Event(9, "resumed", {}))
        with pytest.raises(
            UsageError, match=rf"being written by process {os.getpid()} \(remedy: .* labrig abort {path}"
        ):
            Resumable(RunFolder(path))


def test_of_two_that_resume_at_once_one_is_refused_and_nothing_is_lost(tmp_path, whole):
    folder = RunFolder(Path(shutil.copytree(whole, tmp_path / "run")))
    one, other = Resumable(folder, epochs=11), Resumable(folder, epochs=11)
    one.resume(plots=False)
    with pytest.raises(UsageError, match="resumed by another labrig process in the meantime"):
        other.resume(plots=False)
    assert damages(folder) == []
    assert len(read_journal(folder.journal).step) == 11


def test_a_refused_resumption_leaves_the_run_as_it_was(tmp_path):
    data = tmp_path / "iris.csv"
    shutil.copyfile(packaged_configs() / "iris.csv", data)
    path = tmp_path / "run"
    overrides = ("learning.epochs=1", "learning.batch=45", f"task.classification.data={data}")
    train(assemble(Path("iris.yaml"), overrides), run_dir=path, plots=False)
    before, config = summarize(RunFolder(path)), (path / "config.resolved.yaml").read_text()
    data.write_text(data.read_text().replace("5.1", "5.2", 1))
    with pytest.raises(ConfigError, match=r"iris\.csv is not the data file that the run began with"):
        Resumable(RunFolder(path), epochs=3).resume(plots=False)
    assert summarize(RunFolder(path)) == before
    assert (path / "config.resolved.yaml").read_text() == config
    shutil.copyfile(packaged_configs() / "iris.csv", data)
    assert Resumable(RunFolder(path), epochs=3).resume(plots=False).steps == 6
    assert RunFolder(path).meta()["card"]["epochs"] == 3
    origins = {key: (value, origin) for key, value, origin in RunFolder(path).meta()["values"]}
    assert origins["learning.batch"] == ("45", "--set")
    assert origins["task.classification.label"][1].rpartition("/")[2].startswith("iris.yaml:")
    assert origins["learning.epochs"][0] == "3"
