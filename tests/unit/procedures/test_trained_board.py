"""What a run has trained is scored, certified and written to a board, its own or another one."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import labrig
from labrig.assembly import assemble
from labrig.cli.main import main
from labrig.errors import ConfigError, UsageError
from labrig.procedures.trained_board import trained_board
from labrig.runs.folder import RunFolder
from labrig.runs.journal import read_journal

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("trained") / "run"
    labrig.train("xor.yaml", settings={"learning.epochs": 20}, run_dir=folder, plots=False)
    return RunFolder(folder)


def initial(run: RunFolder, **more: object) -> str:
    return f"network.programmable.initial={json.dumps({'run': str(run.path), **more})}"


def test_a_board_begins_with_shadow_and_conductances_of_the_last_step(run: RunFolder) -> None:
    record = read_journal(run.journal)
    assembly = trained_board(run)
    with assembly.open_rig() as rig:
        update = assembly.update(rig)
    assert np.array_equal(update.shadow, record.shadow[-1])
    assert np.array_equal(update.conductances, record.conductances[-1])
    assert update.steps == 0


def test_a_step_can_be_chosen_and_the_last_one_is_written_down(run: RunFolder) -> None:
    record, meta = read_journal(run.journal), run.meta()
    assert np.array_equal(assemble(Path("xor.yaml"), [initial(run, step=7)]).initial, record.shadow[6])
    assert assemble(Path("xor.yaml"), [initial(run, step=0)]).initial.tolist() == meta["board"]["initial_s"]
    step = assemble(Path("xor.yaml"), [initial(run)]).document.get(("network", "programmable", "initial", "step"))
    assert step is not None
    assert step.value == 20


def test_edges_are_found_by_name(run: RunFolder, tmp_path: Path) -> None:
    """A run of the same edges in another order."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "run.db").write_bytes(run.journal.read_bytes())
    meta = run.meta()
    meta["board"]["edges"].reverse()
    (other / "meta.json").write_text(json.dumps(meta))
    found = assemble(Path("xor.yaml"), [initial(RunFolder(other))]).initial
    assert np.array_equal(found, read_journal(run.journal).shadow[-1][::-1])


@pytest.mark.parametrize(
    ("config", "more", "message"),
    [
        ("iris.yaml", [], "that network has no edge in0-out0.* this board has no edge in0-hid0"),
        ("xor.yaml", ["network.programmable.range=[49 uS, 51 uS]"], "outside the range of this board, 49 µS to 51 µS"),
        ("xor.yaml", ["network.programmable.initial.step=21"], "has only 20 steps"),
        ("xor.yaml", ["network.programmable.initial.run=none"], "there is no run 'none'"),
    ],
)
def test_boards_that_differ(run: RunFolder, config: str, more: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        assemble(Path(config), [initial(run), *more])


def test_a_run_on_its_own_board_scores_as_it_did(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read_journal(run.journal).evaluations[-1].metrics
    assert main(["evaluate", str(run.path), "--json", "--no-plots", "--run-dir", str(tmp_path / "again")]) in (0, 7)
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["event"], last["steps"]) == ("finished", 0)
    assert set(last["metrics"]) >= set(before) | {"initial_loss"}
    for name in before:
        assert last["metrics"][name] == pytest.approx(before[name], rel=1e-2)
    assert RunFolder(tmp_path / "again").meta()["initial"] == {"run": str(run.path.resolve()), "step": 20}
    record = read_journal(tmp_path / "again" / "run.db")
    assert len(record.step) == 0
    assert record.evaluations[0].outputs is not None


def test_another_board_keeps_its_parts_and_gets_the_split_of_the_run(tmp_path: Path) -> None:
    labrig.train("iris.yaml", seed=3, settings={"learning.epochs": 0}, run_dir=tmp_path / "run", plots=False)
    own = assemble(tmp_path / "run" / "config.resolved.yaml")
    board = tmp_path / "board.yaml"
    board.write_text("version: 1\nextends: [iris.yaml]\nseed: 8\n")
    assembly = trained_board(RunFolder(tmp_path / "run"), board, scored=True)
    assert assembly.task.test.tolist() == own.task.test.tolist()
    assert (assembly.seed, assembly.simulation_seed, assembly.learning.epochs) == (3, 8, 0)
    assert trained_board(RunFolder(tmp_path / "run"), board, ["seed=5"]).simulation_seed == 5


def test_new_data_are_scaled_as_those_that_the_board_was_trained_with(run: RunFolder, tmp_path: Path) -> None:
    labrig.train("iris.yaml", settings={"learning.epochs": 0}, run_dir=tmp_path / "run", plots=False)
    trained = RunFolder(tmp_path / "run")
    header, *rows = [line for line in (ROOT / "configs" / "iris.csv").read_text().splitlines() if line[0] != "#"]
    (tmp_path / "new.csv").write_text("\n".join([header, *(line.replace("5.1,", "5.4,", 1) for line in rows)]) + "\n")
    new, old = trained_board(trained, data=tmp_path / "new.csv").task, trained_board(trained).task
    same = [row for row, line in enumerate(rows) if "5.1," not in line]
    assert np.array_equal(new.activation[same], old.activation[same])
    assert not np.array_equal(new.activation, old.activation)
    with pytest.raises(UsageError, match="no data file"):
        trained_board(run, data=tmp_path / "new.csv")


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("iris") / "run"
    labrig.train("iris.yaml", settings={"learning.epochs": 0}, run_dir=folder, plots=False)
    return RunFolder(folder)


def flowers(folder: Path, *changes: tuple[str, str], rows: int = 150) -> Path:
    """Write the first rows of iris.csv, with replacements."""
    lines = [line for line in (ROOT / "configs" / "iris.csv").read_text().splitlines() if line[0] != "#"]
    text = "\n".join(lines[: 1 + rows]) + "\n"
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "new.csv"
    path.write_text(text)
    return path


def test_all_rows_of_new_data_are_scored_as_test_data(
    iris: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here one class only, and fewer rows than the split of the run."""
    data = flowers(tmp_path, rows=7)
    arguments = ["evaluate", str(iris.path), "--data", str(data), "--json", "--no-plots"]
    assert main([*arguments, "--run-dir", str(tmp_path / "scored")]) == 0
    printed = capsys.readouterr()
    assert "all 7 examples of new.csv are scored as test set" in printed.err
    last = json.loads(printed.out.splitlines()[-1])
    assert set(last["metrics"]) == {"test_loss", "test_accuracy"}
    record = read_journal(tmp_path / "scored" / "run.db")
    assert [each.part for each in record.dataset] == ["test"] * 7
    assert record.terminals == read_journal(iris.journal).terminals
    again = assemble(tmp_path / "scored" / "config.resolved.yaml").task
    assert (len(again.train), len(again.test)) == (0, 7)
    assert main(["show", str(tmp_path / "scored")]) == 0


def test_a_split_that_the_user_sets_is_kept(iris: RunFolder, tmp_path: Path) -> None:
    split = ["task.split={train_per_class: 2, test_per_class: 3}"]
    task = trained_board(iris, overrides=split, data=flowers(tmp_path), scored=True).task
    assert (len(task.train), len(task.test)) == (6, 9)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("virginica", "zebra"), "--data: new.csv:102:17: column 'species': 'zebra' is not a class; the classes are"),
        (("petal_width_cm", "width"), "--data: new.csv has no column 'petal_width_cm'; its columns are sepal_length"),
        (("species", "kind"), "--data: new.csv has no column 'species'"),
        (("\n5.1,", "\n5.1 cm,"), "--data: new.csv:2:1: column 'sepal_length_cm': '5.1 cm' is not a number"),
    ],
)
def test_what_is_wrong_with_new_data_is_said_of_them(
    iris: RunFolder, tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        trained_board(iris, data=flowers(tmp_path, change), scored=True)
    assert str(caught.value).startswith(says)
    assert "petal_width_cm, and a column with the classes setosa, versicolor, virginica" in str(caught.value)
    assert "--set" not in str(caught.value)


@pytest.mark.parametrize(("name", "says"), [("none.csv", "there is no file"), (".", "is a folder"), ("p", "is a pipe")])
def test_new_data_that_are_no_file(iris: RunFolder, tmp_path: Path, name: str, says: str) -> None:
    os.mkfifo(tmp_path / "p")
    with pytest.raises(ConfigError, match=rf"--data: '.*' {says}|--data: {says}"):
        trained_board(iris, data=tmp_path / name, scored=True)


def test_new_data_in_another_unit_and_unknown_columns_are_warned_of(iris: RunFolder, tmp_path: Path) -> None:
    data = flowers(tmp_path)
    header, *rows = data.read_text().splitlines()
    in_mm = [",".join([f"{10 * float(row.split(',')[0]):g}", *row.split(",")[1:], "x"]) for row in rows]
    data.write_text("\n".join([f"{header},remark", *in_mm]) + "\n")
    clipped, unused = trained_board(iris, data=data, scored=True).document.warnings
    assert str(clipped).startswith("--data: in 150 of 150 examples, 'sepal_length_cm' is so far outside 4.")
    assert str(clipped).endswith("that it is clipped; is the range in the same unit as the data?")
    assert str(unused) == "--data: new.csv: columns not used in training are ignored: 'remark'"
    assert not trained_board(iris, data=flowers(tmp_path), scored=True).document.warnings


def test_program_writes_what_was_trained(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["program", str(run.path), "--json"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["edges"], line["step"], line["differs"], line["connected"]) == (48, 20, [], ["pots"])


def test_program_names_an_edge_that_holds_something_else(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from labrig.simulation.faces.programmer import SimulatedProgrammer

    honest = SimulatedProgrammer.read_back
    monkeypatch.setattr(
        SimulatedProgrammer,
        "read_back",
        lambda self, channels: {**honest(self, channels), "5": self._power_up},
    )
    assert main(["program", str(run.path), "--json"]) == 7
    line = json.loads(capsys.readouterr().out)
    assert [each["edge"] for each in line["differs"]] == ["in0-hid5"]
    assert line["connected"] == []


def test_certify_takes_a_run(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ["--set", "simulation.preset=ideal", "--examples", "01", "--json"]
    assert main(["certify", str(run.path), *settings]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert main(["certify", "xor.yaml", *settings]) == 0
    untrained = json.loads(capsys.readouterr().out)
    assert trained["verdict"] == untrained["verdict"] == "right"
    assert trained["edges"] != untrained["edges"]


def copied(run: RunFolder, into: Path) -> RunFolder:
    shutil.copytree(run.path, into)
    return RunFolder(into)


def damage_a_row(folder: RunFolder) -> None:
    with closing(sqlite3.connect(folder.journal)) as db:
        db.execute("UPDATE steps SET loss = loss + 1 WHERE step = 3")
        db.commit()


def forget_the_board(folder: RunFolder) -> None:
    meta = folder.meta()
    (folder.path / "meta.json").write_text(json.dumps({**meta, "board": {}}))


@pytest.mark.parametrize("command", ["evaluate", "program", "certify"])
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (damage_a_row, "run.db: it is damaged: step 3"),
        (lambda folder: folder.journal.unlink(), "run.db: it is missing"),
        (lambda folder: (folder.path / "meta.json").unlink(), "meta.json: it is missing"),
        (lambda folder: (folder.path / "meta.json").write_text("{"), "meta.json: it is truncated or not JSON"),
        (forget_the_board, "meta.json: it does not describe the board"),
        (lambda folder: (folder.path / "config.resolved.yaml").unlink(), "config.resolved.yaml: it is missing"),
    ],
)
def test_a_damaged_run_is_not_reported_as_a_mistake_in_a_setting(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str], command, spoil, says
) -> None:
    damaged = copied(run, tmp_path / "damaged")
    spoil(damaged)
    assert main([command, str(damaged.path)]) == 6
    said = capsys.readouterr().err
    assert said.startswith(f"labrig: cannot read {damaged.path / says.partition(':')[0]}: {says.partition(': ')[2]}")
    assert said.count("remedy: restore it from a copy") == 1
    assert "--set" not in said


def test_a_run_that_never_had_a_board_says_so(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from labrig.runs.journal import Journal

    folder = RunFolder(tmp_path / "failed")
    folder.path.mkdir()
    with Journal(folder.journal, "process"):
        pass
    assert main(["evaluate", str(folder.path)]) == 6
    assert "ended before its configuration was written (remedy: start it again" in capsys.readouterr().err
    shutil.copy(run.path / "config.resolved.yaml", folder.path)
    assert main(["evaluate", str(folder.path)]) == 6
    assert f"ended before its board was recorded (remedy: labrig resume {folder.path}" in capsys.readouterr().err
