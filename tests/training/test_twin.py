"""A twin in step with the board: it names the edge that drifts, no edge of a healthy board, and disturbs nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from training.test_reproducibility import dump
from unit.procedures.test_resume import arrays, stopped_after
from unit.rig.benches import assembled

import labrig
from labrig.config.problems import ConfigProblems
from labrig.procedures.resume import Resumable
from labrig.runs.folder import RunFolder
from labrig.runs.summary import event_text, summarize


def trained(folder: Path, name: str, seed: int, **settings: object) -> tuple[dict, list[dict]]:
    """What the twin found: the last line, and its events."""
    result = labrig.train(f"{name}.yaml", seed=seed, settings=settings, run_dir=folder, plots=False)
    events = [event for event in summarize(RunFolder(folder))["events"] if event["event"] == "twin"]
    assert result.twin is not None
    assert result.to_json()["twin"] == result.twin
    return result.twin, events


def drift(channel: int, acquisition: int, by: float = 0.05) -> dict[str, object]:
    fault = {"what": "edge_drift", "where": f"pots/{channel}", "acquisition": acquisition, "by": by}
    return {"learning.twin": "watch", "simulation.faults": [fault]}


@pytest.mark.parametrize(("channel", "by"), [(28, 0.05), pytest.param(3, -0.05, marks=pytest.mark.more)])
def test_an_edge_that_drifts_is_named_within_fifty_steps(tmp_path, channel, by):
    found, events = trained(tmp_path / "run", "iris", 5, **drift(channel, 150 + 2 * 60, by), **{"learning.epochs": 2})
    name = f"in{channel // 3}-out{channel % 3}"
    assert found["parted"] == [name]
    assert 60 <= events[0]["step"] <= 110
    assert events[0]["change"] * by > 0
    assert f"{name} conducts" in event_text(events[0])


def test_no_edge_of_a_healthy_board_is_named(tmp_path):
    found, events = trained(tmp_path / "run", "iris", 6, **{"learning.twin": "watch", "learning.epochs": 1})
    assert found["parted"] == events == []
    assert found["misfit_a_v"] < 1e-3
    assert found["steps"] == 90
    assert found["verdict"] == "board and model agree"


def test_a_board_that_the_model_does_not_describe_is_trained_to_its_end(tmp_path):
    """The conductance of these memristors depends on their voltage, so the fit of the first steps leads below zero."""
    settings = {"learning.twin": "watch", "learning.epochs": 1, "learning.evaluate.every": 0}
    found, _ = trained(tmp_path / "run", "iris_memristor", 0, **settings)
    assert found["steps"] == 90
    assert "times the uncertainty of the readings, and not at a single edge" in found["verdict"]


def test_the_tone_of_the_pilot_is_no_error_of_the_model(tmp_path):
    settings = {"learning.twin": "watch", "learning.epochs": 4, "learning.evaluate.every": 0}
    found, _ = trained(tmp_path / "run", "sine", 1, **settings)
    assert found["misfit_a_v"] < 1e-3


@pytest.mark.more
def test_it_changes_nothing(tmp_path):
    settings = {"learning.epochs": 1}
    trained(tmp_path / "with", "iris", 7, **settings, **{"learning.twin": "watch"})
    labrig.train("iris.yaml", seed=7, settings=settings, run_dir=tmp_path / "without", plots=False)
    assert dump(tmp_path / "with" / "run.db")["steps"] == dump(tmp_path / "without" / "run.db")["steps"]


@pytest.mark.more
def test_it_goes_on_where_it_was_when_a_run_is_resumed(tmp_path):
    """Also the edge that has drifted stays as it is: the bench goes on as well."""
    settings = {**drift(28, 150 + 2 * 40), "learning.epochs": 1}
    whole, named = trained(tmp_path / "whole", "iris", 5, **settings)
    path = tmp_path / "run"
    labrig.train("iris.yaml", seed=5, settings=settings, run_dir=path, plots=False, stop=stopped_after(170))
    for asked in (20, 15, 1000):
        found = Resumable(RunFolder(path)).resume(plots=False, stop=stopped_after(asked))
    events = [event for event in summarize(RunFolder(path))["events"] if event["event"] == "twin"]
    assert [event["event"] for event in summarize(RunFolder(path))["events"]].count("resumed") == 3
    assert whole["parted"] == ["in9-out1"]
    assert (found.twin, events) == (whole, named)
    for name, values in arrays(tmp_path / "whole").items():
        np.testing.assert_array_equal(arrays(path)[name], values, err_msg=name)


def test_fit_estimates_the_conductances_of_the_board(tmp_path):
    """Parts are off by up to 20 %; the fit is closer, by what it says."""
    found, events = trained(tmp_path / "run", "iris", 8, **{"learning.twin": "fit", "learning.epochs": 1})
    assert events == []
    assembly = Resumable(RunFolder(tmp_path / "run")).assembly
    nominal = labrig.load(tmp_path / "run")["conductances"][-1]
    setup = assembly.setup()
    with setup.rig as rig:
        update = assembly.update(rig)
        update.resume(nominal, nominal, 0)
        rig.program(update.settings())
        truth = setup.bench.truth.conductances()
    fitted = np.array([value["siemens"] for value in found["conductances"].values()])
    u = np.array([value["u"] for value in found["conductances"].values()])
    assert np.linalg.norm(fitted - truth) < 0.25 * np.linalg.norm(nominal - truth)
    assert np.sqrt(np.mean(((fitted - truth) / u) ** 2)) < 5


def test_boards_that_it_cannot_follow():
    with pytest.raises(ConfigProblems, match=r"learning\.twin: a twin follows up to 1000 edges"):
        assembled("digits", "learning.twin=watch")
    with pytest.raises(ConfigProblems, match="needs 'activation: dc'"):
        assembled("xor_am", "learning.twin=watch")


def test_a_drift_of_what_programs_nothing():
    with pytest.raises(ConfigProblems, match="programs nothing"):
        assembled(
            "divider",
            "instruments.pots.channels=2",
            "simulation.faults=[{what: edge_drift, where: pots/1, acquisition: 3, by: 0.1}]",
        )
