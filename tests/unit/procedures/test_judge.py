"""The score from outside: who judges, when it differs, what is said, and that nothing is learned from it."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from training.test_reproducibility import dump

import labrig
from labrig.cli.main import main
from labrig.procedures.judge import differing, likely_cause
from labrig.procedures.train import RunResult
from labrig.runs.folder import RunFolder
from labrig.runs.journal import read_journal
from labrig.runs.summary import summarize
from labrig.simulation.bench import SimulatedBench
from labrig.simulation.imperfections import Imperfections

GAINS = {"learning.epochs": 20, "simulation.digitizer_gain": 0.3, "limits.misread": "1000 %"}


def trained(folder: Path, config: str, settings: dict[str, object]) -> RunResult:
    return labrig.train(config, settings=settings, run_dir=folder, plots=False)


@pytest.mark.parametrize("config", ["regression.yaml", "sine.yaml", "iris.yaml"])
def test_a_healthy_score_is_that_of_the_truth(tmp_path: Path, config: str) -> None:
    found = trained(tmp_path / "run", config, {"learning.epochs": 2}).judgement
    assert found is not None
    assert (found.by, found.score_differs, found.cause) == ("truth", False, "")
    assert 0 < found.distance < 1e-3


def test_the_truth_judges_every_example_by_the_figures_of_the_run(tmp_path: Path) -> None:
    result = trained(tmp_path / "run", "regression.yaml", {"learning.epochs": 2, "simulation.preset": "ideal"})
    assert result.judgement is not None
    assert set(result.judgement.metrics) == {"loss", "rms_v", "test_loss", "test_rms_v"}
    for name, value in result.judgement.metrics.items():
        assert value == pytest.approx(result.metrics[name], rel=1e-6)


def test_wrong_gains_are_flagged_with_size_and_cause(tmp_path: Path) -> None:
    result = trained(tmp_path / "run", "regression.yaml", GAINS)
    found = result.judgement
    assert found is not None
    assert found.score_differs
    assert "rms_v" in found.figures
    assert found.metrics["rms_v"] > 10 * result.metrics["rms_v"]
    assert "(rms) from the truth" in found.message
    assert "as if the gain of daq/" in found.message


def test_a_digitizer_that_states_no_errors_is_named_rather_than_the_wiring(tmp_path: Path) -> None:
    """The true errors of a card whose data sheet is unknown look unexplained, however small they are."""
    with patch.object(Imperfections, "u_gain", 0.0), patch.object(Imperfections, "u_offset_v", 0.0):
        found = trained(tmp_path / "run", "regression.yaml", {"learning.epochs": 2}).judgement
    assert found is not None
    assert found.unexplained
    assert "daq states no error of gain or zero" in found.message
    assert "wiring" not in found.message


def test_what_is_printed_recorded_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = [f"--set={key}={value}" for key, value in GAINS.items()]
    typed = ["run", "regression.yaml", *changes, "--no-plots", "--run-dir", str(tmp_path / "run")]
    assert main([*typed, "--json"]) == 0
    out, err = capsys.readouterr()
    last = json.loads(out.splitlines()[-1])
    assert last["score_differs"] is True
    assert last["judge"]["by"] == "truth"
    assert "labrig: the score differs: the outputs differ by " in err
    meta = json.loads((tmp_path / "run" / "meta.json").read_text(encoding="utf-8"))
    assert (meta["judge"], meta["score_differs"]) == (last["judge"], True)
    summary = summarize(RunFolder(tmp_path / "run"))
    assert (summary["judge"], summary["score_differs"]) == (last["judge"], True)
    assert main(["show", str(tmp_path / "run")]) == 0
    shown = capsys.readouterr().out
    assert "the score differs: the outputs differ by " in shown
    assert "judged by truth" in shown


def test_nothing_is_learned_from_the_judge(tmp_path: Path) -> None:
    """The same steps whatever the truth says, and it is asked after the last of them."""
    settings = {"learning.epochs": 3}
    trained(tmp_path / "plain", "xor.yaml", settings)
    asked: list[int] = []

    def another(bench: SimulatedBench, activation: np.ndarray, tone: bool) -> np.ndarray:
        asked.append(bench.truth.acquisitions)
        return np.ones((len(activation), 2))

    with patch.object(SimulatedBench, "true_outputs", another):
        result = trained(tmp_path / "other", "xor.yaml", settings)
    assert result.judgement is not None
    assert result.judgement.score_differs
    assert asked == [3 * 8 + 2 * 4]
    plain, other = (dump(tmp_path / name / "run.db") for name in ("plain", "other"))
    for table in ("steps", "evaluations"):
        assert plain[table] == other[table]


def test_a_judge_that_fails_does_not_spoil_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with patch.object(SimulatedBench, "true_outputs", side_effect=OSError("no answer")):
        assert main(["run", "divider.yaml", "--json", "--no-plots", "--run-dir", str(tmp_path / "run")]) == 0
    out, err = capsys.readouterr()
    last = json.loads(out.splitlines()[-1])
    assert (last["event"], last["judge"], last["score_differs"]) == ("finished", None, None)
    assert "no answer" in last["not_judged"]
    assert "labrig: the score was not judged: " in err


def test_a_bench_without_truth_judges_nothing(tmp_path: Path) -> None:
    with patch.object(SimulatedBench, "true_outputs", return_value=None):
        line = trained(tmp_path / "run", "divider.yaml", {"learning.epochs": 2}).to_json()
    assert (line["judge"], line["score_differs"]) == (None, None)
    assert "not_judged" not in line


def test_an_interrupted_run_is_not_judged(tmp_path: Path) -> None:
    result = labrig.train("xor.yaml", run_dir=tmp_path / "run", stop=lambda: True)
    assert result.to_json()["judge"] is None


def test_outputs_are_kept_at_every_evaluation(tmp_path: Path) -> None:
    result = trained(tmp_path / "run", "regression.yaml", {"learning.epochs": 2, "learning.evaluate.every": 1})
    record = read_journal(result.folder.journal)
    assert len(record.evaluations) == 3
    for evaluation in record.evaluations:
        assert evaluation.examples == tuple(range(50))
        assert evaluation.outputs.shape == (50, 2)
    assert not np.array_equal(record.evaluations[0].outputs, record.evaluations[-1].outputs)


VOLTS = np.linspace(-0.4, 0.7, 12)


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (np.full(12, 0.01), "the zero of daq/3 (out0) were 10 mV too high"),
        (-0.31 * VOLTS, "the gain of daq/3 (out0) were 31 % too small"),
        (0.02 + 0.1 * VOLTS, "both zero and gain of daq/3 (out0) were off"),
        (0.05 * np.cos(7 * VOLTS**2 + np.arange(12)), "neither zero nor gain of daq/3 (out0) explains it"),
    ],
)
def test_likely_causes(difference: np.ndarray, words: str) -> None:
    assert words in likely_cause("daq/3 (out0)", difference, VOLTS)


def test_figures_differ_by_what_matters_for_each() -> None:
    own = {"loss": 0.1, "train_accuracy": 0.95, "test_accuracy": 0.97, "my_figure": 1.0}
    judged = {"loss": 0.11, "train_accuracy": 0.92, "test_accuracy": 0.90, "my_figure": 5.0}
    assert differing(own, judged, {"loss": 0.02, "accuracy": 0.05}) == {"test_accuracy": (0.97, 0.90)}
