"""Training works, and does not where it must not: each control takes away one thing the method lives from."""

from __future__ import annotations

import json
from unittest.mock import patch

import numpy as np
import pytest
from training.controls import IRIS_ERRORS, XOR_ERRORS, train
from unit.rig.benches import assembled, bench_with, setup_with
from unit.rig.saboteurs import Disconnected, EarlyDigitizer, FlippedTones, LateError, UnpluggedDigitizer

from labrig.assembly import packaged_configs
from labrig.cli.main import main

IRIS = ("learning.epochs=4",)
UNJUDGED = "limits.misread=100 %"
"""Otherwise outputs that move against their error are refused as wiring."""


def first_gradient(name: str, *overrides: str, **wraps):
    """The first example's FP gradient and b, and the exact gradient."""
    assembly = assembled(name, *overrides)
    setup = setup_with(assembly, **wraps)
    with setup.rig as rig:
        rig.program(assembly.update(rig).settings())
        learned = assembly.probe(rig, assembly.update(rig)).gradient(0)
        loss, target = assembly.loss, assembly.task.target[0]
        exact = setup.bench.truth.gradient(assembly.task.activation[0], lambda v: loss.gradient(v, target))
    return learned.gradient, exact


def cosine(a, b) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


@pytest.mark.more
def test_xor_is_learned(tmp_path):
    trained = train(tmp_path, "xor")
    assert trained.last["patterns_right"] == 4
    assert trained.last["rms_v"] < 8e-3
    assert trained.last["loss"] < 0.02 * trained.first["loss"]


def test_iris_is_learned(tmp_path):
    trained = train(tmp_path, "iris", *IRIS)
    assert trained.first["test_accuracy"] < 0.8
    assert trained.last["test_accuracy"] >= 0.9


def test_with_the_sign_of_b_flipped_xor_moves_away_from_its_target(tmp_path):
    trained = train(tmp_path, "xor", UNJUDGED, awg=lambda source: FlippedTones(source, XOR_ERRORS))
    assert trained.last["patterns_right"] < 4
    assert trained.last["loss"] > 1.5 * trained.first["loss"]


def test_with_the_sign_of_b_flipped_iris_unlearns(tmp_path):
    trained = train(tmp_path, "iris", UNJUDGED, *IRIS, awg=lambda source: FlippedTones(source, IRIS_ERRORS))
    assert trained.last["test_accuracy"] < 0.2
    assert trained.last["loss"] > trained.first["loss"]


def test_an_error_tone_that_never_reaches_the_network_teaches_nothing_and_says_so(tmp_path):
    trained = train(tmp_path, "xor", awg=lambda source: Disconnected(source, XOR_ERRORS))
    assert trained.last["patterns_right"] < 4
    assert trained.last["loss"] > 0.8 * trained.first["loss"]
    # Every gradient is within its own noise: that is how one sees it.
    assert max(significance(step) for step in trained.steps) < 7
    (tmp_path / "connected").mkdir()
    connected = train(tmp_path / "connected", "xor", "learning.epochs=1")
    assert significance(connected.steps[0]) > 20


def significance(step) -> float:
    """The largest gradient of a step, in its standard errors."""
    return float(np.max(np.abs(step.gradient) / step.u_gradient))


@pytest.mark.more
def test_b_of_another_example_teaches_far_less(tmp_path):
    trained = train(tmp_path, "iris", UNJUDGED, *IRIS, awg=lambda source: LateError(source, IRIS_ERRORS))
    assert trained.last["test_accuracy"] < 0.8


def test_with_the_pilot_inverted_every_sign_of_b_flips():
    gradient, exact = first_gradient("xor", "simulation.preset=ideal")
    flipped = {"awg": lambda source: FlippedTones(source, {"8"})}
    inverted, _ = first_gradient("xor", "simulation.preset=ideal", UNJUDGED, **flipped)
    assert cosine(gradient.value, exact) > 0.9999
    np.testing.assert_allclose(inverted.value, -gradient.value, rtol=1e-6)


def test_demodulation_that_begins_in_the_old_drive_reads_a_wrong_gradient():
    right, exact = first_gradient("xor", "simulation.preset=ideal")
    early, _ = first_gradient("xor", "simulation.preset=ideal", daq=lambda daq: EarlyDigitizer(daq, 10))
    assert np.linalg.norm(right.value - exact) < 1e-3 * np.linalg.norm(exact)
    assert np.linalg.norm(early.value - exact) > 5e-3 * np.linalg.norm(exact)


def test_a_digitizer_that_is_unplugged_at_the_evaluation_yields_an_error_and_no_accuracy(tmp_path, capsys):
    training, evaluation = 2 * 90, 150
    for reads in (0, evaluation // 2, evaluation + training + evaluation // 2):
        bench = bench_with({"daq": lambda daq, reads=reads: UnpluggedDigitizer(daq, reads)})
        config = str(packaged_configs() / "iris.yaml")
        arguments = ["run", config, "--json", "--runs-dir", str(tmp_path), "--set", "learning.epochs=1"]
        with patch("labrig.assembly.benches.simulated.SimulatedBench", bench):
            assert main(arguments) == 4
        out, err = capsys.readouterr()
        lines = [json.loads(line) for line in out.splitlines()]
        assert lines[-1]["event"] == "error"
        assert lines[-1]["exit_code"] == 4
        assert "does not answer any more" in err
        evaluations = [line for line in lines if line["event"] == "evaluation"]
        assert len(evaluations) == (1 if reads > evaluation else 0)
        assert not any(line["event"] == "finished" for line in lines)
