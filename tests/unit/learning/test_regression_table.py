"""Regression on the columns of a CSV: what is read, split, scaled, trained and refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from unit.learning.tables import write_table

import labrig
from labrig.assembly import assemble
from labrig.config.problems import ConfigProblems
from labrig.errors import ConfigError
from labrig.procedures.feasible.search import search
from labrig.procedures.trained_board import trained_board
from labrig.runs.folder import RunFolder
from labrig.runs.journal import read_journal

SPLIT = "{train: 20, test: 10}"


def rows(count: int = 40) -> tuple[np.ndarray, str]:
    """Columns a, b and y = 30 + 4 a − 0.05 b, and the text of a CSV that has them in another order."""
    draw = np.random.default_rng(1)
    a, b = draw.uniform(0, 10, count), draw.uniform(100, 900, count)
    y = 30 + 4 * a - 0.05 * b
    lines = [f"{values[2]:.6f};{values[0]:.6f};note;{values[1]:.6f}" for values in zip(a, b, y, strict=True)]
    return np.stack([a, b, y], axis=1), "\n".join(["sep=;", "y;a;comment;b", *lines]) + "\n"


def test_inputs_and_outputs_are_scaled_by_the_training_examples(tmp_path: Path) -> None:
    table, text = rows()
    task = assemble(write_table(tmp_path, ["a", "b"], SPLIT, text, ", full_scale: 200 mV")).task
    assert (len(task.train), len(task.test)) == (20, 10)
    assert not set(task.train) & set(task.test)
    low, high = table[task.train].min(axis=0), table[task.train].max(axis=0)
    unit = 2 * (table - low) / (high - low) - 1
    np.testing.assert_allclose(task.activation[:, :2], np.clip(unit[:, :2], -1.2, 1.2), atol=1e-6)
    np.testing.assert_allclose(task.activation[:, 2:4], -task.activation[:, :2])
    np.testing.assert_allclose(task.target[:, 0], 0.2 * unit[:, 2], atol=1e-6)
    features, complements, biases = task.input_roles()[:2], task.input_roles()[2:4], task.input_roles()[4:]
    assert [role.name for role in features] == [role.name for role in complements] == ["a", "b"]
    assert [role.name for role in biases] == ["-1 V", "1 V"]
    (output,) = task.output_roles()
    assert (output.kind, output.name) == ("column", "y")
    assert output.scaling is not None
    assert (output.scaling.low, output.scaling.high) == pytest.approx((low[2], high[2]), abs=1e-6)


def test_without_a_full_scale_the_numbers_are_volts(tmp_path: Path) -> None:
    lines = "\n".join(f"{k},{0.01 * k}" for k in range(12))
    task = assemble(write_table(tmp_path, ["a"], "{train: 6, test: 4}", f"a,y\n{lines}\n")).task
    np.testing.assert_allclose(task.target[:, 0], 0.01 * np.arange(12))


def test_another_seed_draws_another_split_and_the_same_one_the_same(tmp_path: Path) -> None:
    path = write_table(tmp_path, ["a", "b"], SPLIT, rows()[1], ", full_scale: 200 mV")
    first, again, other = (assemble(path, [f"seed={seed}"]).task.train for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


@pytest.mark.more
def test_it_is_learned_and_a_run_can_be_repeated_from_its_folder(tmp_path: Path) -> None:
    path = write_table(tmp_path, ["a", "b"], SPLIT, rows()[1], ", full_scale: 200 mV")
    result = labrig.train(path, run_dir=tmp_path / "run", plots=False)
    assert result.metrics["test_rms_v"] < 0.01
    assert result.judgement is not None
    assert not result.judgement.score_differs
    names = [
        (terminal.side, terminal.kind, terminal.name) for terminal in read_journal(tmp_path / "run/run.db").terminals
    ]
    assert names[0] == ("input", "feature", "a")
    assert names[-1] == ("output", "column", "y")
    again = assemble(tmp_path / "run" / "config.resolved.yaml").task
    np.testing.assert_array_equal(again.target, assemble(path).task.target)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("file: table.csv", "file: tabel.csv", "there is no file 'tabel.csv'"),
        ("inputs: [a, b]", "inputs: [a, c]", "'c'"),
        ("outputs: [y]", "outputs: [b]", "column 'b' is an input as well"),
        ("inputs: [a, b]", "inputs: [a, comment]", "'note'"),
        ("split: {train: 20, test: 10}", "split: {train: 35, test: 10}", "40 examples, but split asks for 35 + 10"),
        ("  split: {train: 20, test: 10}\n", "", "also needs split in task, e.g. 'split: {train: 30, test: 20}'"),
        ("split: {train: 20, test: 10}", "split: {train_per_class: 20, test_per_class: 10}", "train_per_class"),
        ("{data: {", "{train: 10, data: {", "train applies only to random examples of y = M x"),
        ("{data: {", "{matrix: [[1]], data: {", "matrix applies only to random examples of y = M x"),
    ],
)
def test_what_is_refused_names_the_place_and_the_remedy(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = write_table(tmp_path, ["a", "b"], SPLIT, rows()[1], ", full_scale: 200 mV")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigProblems) as caught:
        assemble(path)
    assert words in str(caught.value)
    assert "table.yaml" in str(caught.value)


def test_split_is_for_a_table_alone(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblems, match="regression does not use split"):
        assemble(Path("regression.yaml"), ["task.split={train: 3, test: 2}"])


def in_volts(*targets: float) -> str:
    lines = [f"{k},{target:g}" for k, target in enumerate(targets)]
    return "\n".join(["a,y", *lines]) + "\n"


def test_targets_that_no_drive_reaches_are_refused_with_cell_and_remedy(tmp_path: Path) -> None:
    in_mv = in_volts(*(10.0 * k for k in range(12)))
    with pytest.raises(ConfigProblems) as caught:
        assemble(write_table(tmp_path, ["a"], "{train: 6, test: 4}", in_mv))
    text = str(caught.value)
    assert "task.regression.data.outputs: table.csv:3:3: column 'y': target 10 V (and 10 more of 12)" in text
    assert "is out of reach: outputs can be -1" in text
    assert "in V; are they in mV?" in text
    assert "'full_scale: " in text


def test_one_target_out_of_reach_is_enough(tmp_path: Path) -> None:
    slip = in_volts(*(0.01 * k for k in range(11)), 1.4)
    with pytest.raises(ConfigProblems, match=r"table\.csv:13:4: column 'y': target 1\.4 V is out of reach"):
        assemble(write_table(tmp_path, ["a"], "{train: 6, test: 4}", slip))


def test_a_full_scale_out_of_reach_is_refused_where_it_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblems, match=r"data\.full_scale: table\.csv:\d+:1: .* e\.g\. 'full_scale: 500 mV'"):
        assemble(write_table(tmp_path, ["a", "b"], SPLIT, rows()[1], ", full_scale: 3 V"))


def test_targets_beyond_the_drives_of_their_own_example_are_only_warned_of(tmp_path: Path) -> None:
    path = write_table(tmp_path, ["a"], "{train: 6, test: 4}", in_volts(*([0.5] * 12)))
    bias = ["task.encode.bias=[0 V, 0 V]", "task.encode.range=[0, 11]"]
    (warning,) = (each for each in assemble(path, bias).document.warnings if "out of reach" in each.message)
    assert warning.path == "task.regression.data.outputs"
    assert "table.csv:5:3: column 'y': target 500 mV (and 5 more of 12)" in warning.message
    assert not [each for each in assemble(path).document.warnings if "out of reach" in each.message]


def test_new_data_are_scaled_as_those_of_the_run(tmp_path: Path) -> None:
    path = write_table(tmp_path, ["a", "b"], SPLIT, rows()[1], ", full_scale: 200 mV")
    labrig.train(path, settings={"learning.epochs": 0}, run_dir=tmp_path / "run", plots=False)
    (tmp_path / "new.csv").write_text("\n".join(rows()[1].splitlines()[:6]) + "\n")
    run = RunFolder(tmp_path / "run")
    new, old = trained_board(run, data=tmp_path / "new.csv", scored=True).task, assemble(path).task
    assert (len(new.train), sorted(new.test)) == (0, [0, 1, 2, 3])
    np.testing.assert_array_equal(new.target, old.target[:4])
    np.testing.assert_array_equal(new.activation, old.activation[:4])


def test_without_training_examples_ranges_must_be_given_and_no_epochs(tmp_path: Path) -> None:
    path = write_table(tmp_path, ["a"], "{train: 0, test: all}", in_volts(*(0.01 * k for k in range(12))))
    with pytest.raises(
        ConfigProblems, match=r"the range of 'a' is not known; write it, e\.g\. 'ranges: \{a: \[0, 1\]\}'"
    ):
        assemble(path)
    with pytest.raises(ConfigProblems, match=r"task\.split: there are no training examples; .* 'epochs: 0'"):
        assemble(path, ["task.encode.range=[0, 11]"])
    scored = assemble(path, ["task.encode.range=[0, 11]", "learning.epochs=0"])
    assert len(scored.task.test) == 12
    with pytest.raises(ConfigError, match="it can only be scored"):
        search(scored)


def test_a_range_in_another_unit_is_warned_of(tmp_path: Path) -> None:
    path = write_table(tmp_path, ["a"], "{train: 6, test: 4}", in_volts(*(0.01 * k for k in range(12))))
    warnings = assemble(path, ["task.encode.range=[0, 0.011]"]).document.warnings
    (warning,) = (each for each in warnings if each.path == "task.encode.range")
    assert str(warning).endswith(
        "in 11 of 12 examples, 'a' is so far outside 0 to 0.011 that it is clipped; "
        "is the range in the same unit as the data?"
    )


def test_a_unipolar_board_has_no_negative_input_and_says_so() -> None:
    given = ["task.encode.unipolar=true", "task.encode.bias=[1 V, 0 V]"]
    task = assemble(Path("iris.yaml"), given).task
    assert task.activation.min() == 0.0
    assert task.activation.max() == 1.0
    assert "as 0 to 1 V" in str(task.input_roles()[0])
    with pytest.raises(ConfigError, match="needs x of both signs"):
        assemble(Path("regression.yaml"), ["task.encode.unipolar=true"])
