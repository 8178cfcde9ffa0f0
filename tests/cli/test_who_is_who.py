"""What inputs and outputs stand for, in plan, wiring sheet, metadata, journal and show; the confusion matrix."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from labrig.cli.main import main
from labrig.runs.confusion import confusions
from labrig.runs.folder import RunFolder
from labrig.runs.journal import Evaluation, Record, read_journal


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("trained") / "run"
    typed = ["run", "iris.yaml", "--no-plots", "--run-dir", str(run), "--set", "learning.epochs=2"]
    assert main(typed) == 0
    return run


def test_plan_and_wiring_sheet_name_what_every_channel_carries(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "iris.yaml"]) == 0
    out = capsys.readouterr().out
    for words in ("in2    petal_length_cm: 1.", " as ± 1 V", "in6    -(petal_length_cm)", "out1   versicolor"):
        assert words in out
    assert main(["plan", "iris.yaml", "--json"]) == 0
    terminals = json.loads(capsys.readouterr().out)["terminals"]
    assert [each["node"] for each in terminals] == [*(f"in{k}" for k in range(10)), "out0", "out1", "out2"]
    assert [each["kind"] for each in terminals] == ["feature"] * 4 + ["complement"] * 4 + ["bias"] * 2 + ["class"] * 3
    assert [each["name"] for each in terminals[-3:]] == ["setosa", "versicolor", "virginica"]
    assert terminals[3]["full_scale_v"] == 1.0
    assert (terminals[3]["low"], terminals[3]["high"]) == pytest.approx((0.1, 2.5), abs=0.2)
    assert main(["plan", "--wiring", "iris.yaml", "--json"]) == 0
    nodes = json.loads(capsys.readouterr().out)["nodes"]
    carries = {row["node"]: row["carries"] for row in nodes if row["what"] in ("drive", "error")}
    assert (carries["in8"], carries["out2"], carries["pilot"]) == ("-1 V", "virginica", "")
    assert {row["carries"] for row in nodes if row["what"] == "sense"} == {""}


def test_a_table_of_many_inputs_is_cut_in_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    wide = (
        "network.layered.inputs=30", "instruments.awg.channels=33", "instruments.daq.channels=33",
        "instruments.pots.channels=60", "wiring={in0..in29: {drive: awg/0..29, sense: daq/0..29}, "
        "out0..out1: {error: awg/30..31, through: 100 kΩ, sense: daq/30..31}, "
        "pilot: {drive: awg/32, sense: daq/32}, edges: pots/0..59}", "task.encode.bias=[]",
    )  # fmt: skip
    assert main(["plan", "regression.yaml", *(f"--set={text}" for text in wide)]) == 0
    out = capsys.readouterr().out
    assert "in23   -(x9)" in out
    assert "in24 " not in out
    assert "and 6 more, see --wiring or --json" in out


@pytest.mark.parametrize("config", ["xor.yaml", "divider.yaml", "allostery.yaml", "regression.yaml"])
def test_every_task_names_its_inputs_and_outputs(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--wiring", config, "--json"]) == 0
    rows = [row for row in json.loads(capsys.readouterr().out)["nodes"] if row["what"] in ("drive", "error")]
    named = [row["carries"] for row in rows if row["node"] != "pilot"]
    assert all(named)
    assert len(set(named)) == len(named)


def test_the_data_of_a_run_say_who_is_who(trained: Path) -> None:
    record, meta = read_journal(trained / "run.db"), RunFolder(trained).meta()
    assert [terminal.name for terminal in record.terminals][:2] == ["sepal_length_cm", "sepal_width_cm"]
    assert [each["name"] for each in meta["outputs"]] == meta["classes"] == ["setosa", "versicolor", "virginica"]
    assert [each["node"] for each in meta["inputs"]] == meta["board"]["inputs"]
    assert [sum(example.part == part for example in record.dataset) for part in ("train", "test")] == [90, 60]
    last = record.evaluations[-1]
    known = {example.example: example for example in record.dataset}
    right = [
        known[k].target.argmax() == volts.argmax()
        for k, volts in zip(last.examples, last.outputs, strict=True)
        if known[k].part == "test"
    ]
    assert np.mean(right) == pytest.approx(last.metrics["test_accuracy"])
    example = record.dataset[0]
    np.testing.assert_array_equal(example.inputs[4:8], -example.inputs[:4])


def test_show_prints_the_confusion_matrix(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(trained)]) == 0
    out = capsys.readouterr().out
    for words in (" confusion matrix, test\n", "  true \\ read  setosa  versicolor  virginica\n", "out0  setosa\n"):
        assert words in out
    assert main(["show", str(trained), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    train, test = shown["confusion"]
    assert (train["part"], test["part"]) == ("train", "test")
    assert np.sum(train["counts"], axis=1).tolist() == [30, 30, 30]
    assert np.sum(test["counts"], axis=1).tolist() == [20, 20, 20]
    assert np.trace(test["counts"]) / 60 == pytest.approx(shown["metrics"]["test_accuracy"])


def test_a_matrix_counts_true_classes_in_rows_and_reads_differences(trained: Path) -> None:
    """Two classes, read as out0 − out1 and out2 − out3: the largest output alone would say otherwise."""
    known = read_journal(trained / "run.db").dataset
    target = {k: np.eye(2)[k] for k in (0, 1)}
    dataset = tuple(type(known[0])(k, "train", str(k), np.zeros(1), target[k]) for k in (0, 1))
    outputs = np.array([[0.5, 0.0, 0.9, 0.8], [0.5, 0.0, 0.9, 0.8]])
    record = Record({}, (Evaluation(0, 0, {}, 0, 0.0, examples=(0, 1), outputs=outputs),), (), (), dataset)
    (found,) = confusions(record, ["a", "b"], [[1, -1, 0, 0], [0, 0, 1, -1]])
    assert found.counts.tolist() == [[1, 0], [1, 0]]
    assert found.classes == ("a", "b")
    (named,) = confusions(record, ["a (+)", "a (-)", "b (+)", "b (-)"], [[1, -1, 0, 0], [0, 0, 1, -1]])
    assert named.classes == ("a", "b")
    assert named.counts.tolist() == found.counts.tolist()
    assert confusions(record, None, None) == []
