"""`labrig sweep`: the file and its mistakes, the trials, what is skipped, and the table."""

from __future__ import annotations

import contextlib
import csv
import json
import socket
import sys
from pathlib import Path

import pytest

import labrig
from labrig.cli.main import main
from labrig.errors import StorageError
from labrig.procedures.sweep.procedure import _code
from labrig.procedures.sweep.sweep_file import read_sweep
from labrig.procedures.sweep.trial import finished, run_trial
from labrig.runs.journal import read_journal
from labrig.runs.sweeps import TABLE, read_table, write_record
from labrig.runs.sweeps.picture import draw

SWEEP = """\
config: divider.yaml
grid:
  learning.rate: [0.5, 2]
  simulation.noise: [0 V, 1 mV]
seeds: 3..4
set: {learning.epochs: 3}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "rates.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def trained(path: Path, runs: Path) -> Path:
    """Train every trial in this process; the folder of the sweep."""
    sweep = read_sweep(path)
    folder = runs / sweep.name
    about = [{"name": trial.name, "seed": trial.seed, "values": trial.values} for trial in sweep.trials]
    write_record(folder, sweep.name, sweep.config, sweep.keys, about)
    for trial in sweep.trials:
        run_trial(str(sweep.config), trial.overrides, str(folder / trial.name), False)
    return folder


def test_every_combination_is_a_trial_for_each_seed(tmp_path):
    sweep = read_sweep(written(tmp_path, SWEEP))
    assert (sweep.name, sweep.keys) == ("rates", ("learning.rate", "simulation.noise"))
    found = {(*trial.values.values(), trial.seed) for trial in sweep.trials}
    assert found == {(rate, noise, seed) for rate in (0.5, 2) for noise in ("0 V", "1 mV") for seed in (3, 4)}
    assert sweep.trials[0].name.startswith("rate-0.5_noise-0V_seed-3_")


def test_names_follow_from_the_configuration_alone(tmp_path):
    first = {trial.name for trial in read_sweep(written(tmp_path, SWEEP)).trials}
    more = SWEEP.replace("[0.5, 2]", "[1, 2, 0.5]").replace("3..4", "[4, 3, 9]")
    assert first < {trial.name for trial in read_sweep(written(tmp_path, more)).trials}
    other = {trial.name for trial in read_sweep(written(tmp_path, SWEEP.replace("epochs: 3", "epochs: 4"))).trials}
    assert not first & other


def test_other_data_is_another_trial(tmp_path):
    names = []
    source = Path(labrig.__file__).parents[1] / "configs"
    (tmp_path / "own.yaml").write_text((source / "iris.yaml").read_text().replace("iris.csv", "own.csv"))
    data = (source / "iris.csv").read_text()
    for text in (data, data.replace("5.1", "5.2", 1)):
        (tmp_path / "own.csv").write_text(text)
        names += [trial.name for trial in read_sweep(written(tmp_path, "config: own.yaml\n")).trials]
    assert names[0] != names[1]


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("learning.rate:", "learning.rte:", "3:3", "did you mean 'rate'"),
        ("[0.5, 2]", "[0.5, -2]", "3:24", "must be positive"),
        ("[0.5, 2]", "[2, 2]", "3:22", "in the list already"),
        ("[0.5, 2]", "[]", "3:18", "at least one"),
        ("1 mV", "1 mA", "4:27", "expected a voltage"),
        ("3..4", "4..3", "5:8", "runs backwards; write 3..4"),
        ("3..4", "3-4", "5:8", "expected a seed"),
        ("3..4", "[1, 1]", "5:8", "each seed only once"),
        ("epochs: 3", "epochs: x", "6:24", "whole number"),
        ("{learning.epochs: 3}", "{learning.rate: 3}", "3:3", "in 'set' as well"),
        ("learning.rate:", "seed:", "3:3", "seeds: 0..4"),
        ("learning.rate:", "a..b:", "3:3", "not a key"),
        ("divider.yaml", "iris_wire.yaml", "1:9", "needs a simulated bench"),
        ("divider.yaml", "nix.yaml", "1:9", "there is no file"),
        ("config:", "confg:", "1:1", "did you mean 'config'"),
    ],
)
def test_mistakes_are_reported_where_they_are_written(tmp_path, capsys, old, new, place, words):
    assert main(["sweep", str(written(tmp_path, SWEEP.replace(old, new, 1))), "--runs-dir", str(tmp_path)]) == 3
    shown = capsys.readouterr().err
    assert f"rates.yaml:{place}: " in shown
    assert words in shown
    assert not (tmp_path / "rates").exists()


def test_a_mistake_in_the_configuration_is_reported_there(tmp_path, capsys):
    (tmp_path / "own.yaml").write_text("extends: [divider.yaml]\nlearning: {rte: 1}\n")
    assert main(["sweep", str(written(tmp_path, "config: own.yaml\n"))]) == 3
    assert "own.yaml:2:12: learning.rte" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--jobs", "0"], ["--jobs", "2", "--scheduler", "tcp://localhost:1"]])
def test_options_that_cannot_be(tmp_path, options):
    assert main(["sweep", str(written(tmp_path, SWEEP)), *options]) == 2


def test_trials_are_recorded_runs_and_the_table_has_them_all(tmp_path):
    folder = trained(written(tmp_path, SWEEP), tmp_path)
    table = read_table(folder)
    assert [row["state"] for row in table.rows] == ["finished"] * 8
    alone = labrig.train(
        "divider.yaml",
        seed=4,
        settings={"learning.rate": 2, "simulation.noise": "1 mV", "learning.epochs": 3},
        run_dir=tmp_path / "alone",
        plots=False,
    )
    row = table.rows[-1]
    assert (row["learning.rate"], row["simulation.noise"], row["seed"], row["steps"]) == (2, "1 mV", 4, 3)
    assert {name: row[name] for name in alone.metrics} == alone.metrics
    rows = list(csv.DictReader(table.csv().splitlines()))
    assert [float(each["loss"]) for each in rows] == [each["loss"] for each in table.rows]
    means = table.means()
    assert [line["finished"] for line in means] == [2] * 4
    assert means[0]["loss"] == sum(each["loss"] for each in table.rows[:2]) / 2
    picture = draw(table)
    assert picture is not None
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_sweep_is_a_frame(tmp_path):
    folder = trained(written(tmp_path, SWEEP), tmp_path)
    frame = labrig.load_sweep(folder)
    assert frame.shape[0] == 8
    assert list(frame.columns[:5]) == ["state", "learning.rate", "simulation.noise", "seed", "steps"]
    assert frame.groupby("learning.rate").loss.mean()[2] < frame.groupby("learning.rate").loss.mean()[0.5]
    assert len(labrig.load(frame.index[0])["step"]) == 3
    with pytest.raises(StorageError, match="not the folder of a sweep"):
        labrig.load_sweep(tmp_path)


@pytest.mark.more
def test_a_finished_trial_is_left_alone_and_a_started_one_goes_on(tmp_path):
    folder = trained(written(tmp_path, SWEEP), tmp_path)
    sweep = read_sweep(tmp_path / "rates.yaml")
    first, second = sweep.trials[-2:]
    before = (folder / first.name / "run.db").read_bytes()
    assert run_trial(str(sweep.config), first.overrides, str(folder / first.name), False) == {"code": 0, "reason": ""}
    assert (folder / first.name / "run.db").read_bytes() == before

    whole = read_journal(folder / second.name / "run.db")
    table = read_table(folder).csv()
    (folder / second.name).rename(tmp_path / "kept")
    steps = iter([False] * 4 + [True] * 100)
    settings = {"learning.rate": 2, "simulation.noise": "1 mV", "learning.epochs": 3}
    labrig.train("divider.yaml", seed=4, settings=settings, run_dir=folder / second.name, stop=lambda: next(steps))
    assert finished(folder / second.name) is None
    assert read_table(folder).rows[-1]["state"] == "interrupted"
    assert run_trial(str(sweep.config), second.overrides, str(folder / second.name), False)["code"] == 0
    assert (read_journal(folder / second.name / "run.db").gradient == whole.gradient).all()
    assert read_table(folder).csv() == table


def test_a_trial_that_fails_says_why(tmp_path):
    folder = tmp_path / "rates"
    write_record(folder, "rates", Path("x"), (), [{"name": "one", "seed": 0, "values": {}}])
    tight = ["limits={node: 100 mV}", "learning.epochs=1"]
    found = run_trial("divider.yaml", tight, str(folder / "one"), False)
    assert found["code"] in (3, 5)
    assert found["reason"]
    missed = run_trial("divider.yaml", ["learning.epochs=1", "task.target={rms: 1 nV}"], str(folder / "two"), False)
    assert missed["code"] == 7
    assert "the target is" in missed["reason"]
    nowhere = run_trial("divider.yaml", [], str(tmp_path / "elsewhere" / "one"), False)
    assert nowhere["code"] == 6
    assert "every worker" in nowhere["reason"]


def test_exit_codes():
    assert _code([0, 0]) == 0
    assert _code([0, 7, 0]) == 7
    assert _code([7, 5, 4]) == 5


@pytest.mark.more  # `claims/sweep.py` does it too
def test_local_workers(tmp_path, capsys):
    path = written(tmp_path, SWEEP.replace("[0.5, 2]", "[2]"))
    command = ["sweep", str(path), "--jobs", "2", "--json", "--runs-dir"]
    with socket.socket() as taken:  # by another sweep
        with contextlib.suppress(OSError):
            taken.bind(("127.0.0.1", 8787))
            taken.listen()
        assert main([*command, str(tmp_path / "parallel")]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["started", *["trial"] * 4, "sweep"]
    assert len(lines[-1]["rows"]) == 4
    folder = trained(path, tmp_path / "here")
    assert (tmp_path / "parallel" / "rates" / TABLE).read_text() == read_table(folder).csv()
    assert main([*command, str(tmp_path / "parallel")]) == 0  # without a worker: there is nothing left to do
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["rows"] == lines[-1]["rows"]


def test_without_the_extra_nothing_is_written(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["sweep", str(written(tmp_path, SWEEP)), "--runs-dir", str(tmp_path / "runs")]) == 2
    said = capsys.readouterr()
    assert "pip install 'labrig[sweep]'" in said.err
    assert not said.out
    assert not (tmp_path / "runs").exists()
