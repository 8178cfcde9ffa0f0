"""The noise budget against a board whose noise and gradient can be computed by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from labrig.assembly import assemble, packaged_configs
from labrig.cli.main import main
from labrig.errors import ConfigError
from labrig.learning.measurement import Excitation
from labrig.procedures.budget import TERMS, budget


def test_white_noise_gives_the_ratios_of_the_formula() -> None:
    """The divider has one edge from a stiff input to an output: σ_a = σ/√N of the two channels together."""
    assembly = assemble(packaged_configs() / "divider.yaml", ["simulation.noise=1 mV"])
    found = budget(assembly)
    samples = assembly.acquisition_timing.plan.window_samples
    assert found.a_v / found.snr_a == pytest.approx(1e-3 * np.sqrt(2 / samples))
    assert found.b_v / found.snr_b == pytest.approx(1e-3 * np.sqrt(2) * np.sqrt(2 / samples))
    with assembly.open_rig() as rig:
        rig.program(assembly.update(rig).settings())
        error = np.full((1, 1), assembly.learning.error.largest)
        response = rig.measure(Excitation(assembly.task.activation[0], error=error))
    assert np.abs(response.a) == pytest.approx(found.a_v, rel=0.02)
    assert np.abs(response.b[0]) == pytest.approx(found.b_v, rel=0.02)
    assert found.limit[0] in TERMS


def test_rounding_is_predicted_as_a_rig_states_it() -> None:
    """Steps of 2.4 mV and noise of 100 µV; a rig states the effect on each b that it reads."""
    coarse = ["instruments.daq.bits=12", "instruments.daq.full_scale=5 V", "simulation.preset=ideal"]
    assembly = assemble(
        packaged_configs() / "iris.yaml", [*coarse, "simulation.converters=true", "simulation.noise=100 µV"]
    )
    found = budget(assembly)
    assert found.limit[0] == "rounding"
    stated = []
    with assembly.open_rig() as rig:
        rig.program(assembly.update(rig).settings())
        for output in range(3):
            error = np.zeros((1, 3))
            error[0, output] = assembly.learning.error.largest
            response = rig.measure(Excitation(assembly.task.activation[40], error=error))
            stated.append(response.demodulated.systematic_edge[-1])
    predicted = found.terms[TERMS.index("rounding")] * found.b_v
    assert np.median(predicted) == pytest.approx(np.median(stated), rel=0.5)
    fine = budget(assemble(packaged_configs() / "iris.yaml"))
    assert not fine.terms[TERMS.index("rounding")].any()


def test_what_is_made_worse_limits() -> None:
    for term, override in (
        ("zero", "simulation.digitizer_offset=50 mV"),
        ("levels", "learning.rate=1e-5"),
        ("pickup", "simulation.pickup=0.001"),
    ):
        assert budget(assemble(packaged_configs() / "iris.yaml", [override])).limit[0] == term


def test_another_physics_is_refused() -> None:
    with pytest.raises(ConfigError, match="the noise budget can be computed only for electrical networks"):
        budget(assemble(packaged_configs() / "elastic_allostery.yaml"))


def test_a_run_without_steps_has_nothing_to_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert main(["run", "divider", "--set", "learning.epochs=0", "--run-dir", str(run), "--no-plots"]) == 0
    assert main(["plan", "divider", "--run", str(run)]) == 3
    assert "has no steps yet" in capsys.readouterr().err


@pytest.mark.more
def test_the_plan_shows_predicted_and_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    quick = ["--set", "learning.epochs=1", "--set", "learning.evaluate.every=0"]
    assert main(["run", "iris", *quick, "--run-dir", str(run)]) == 0
    capsys.readouterr()
    assert main(["plan", "iris", "--run", str(run), "--json"]) == 0
    line = json.loads(capsys.readouterr().out)
    keys = "snr_gradient", "measured_snr_gradient"
    predicted, measured = (np.array([edge[key] for edge in line["edges"]]) for key in keys)
    assert np.median(measured / predicted) == pytest.approx(1, rel=0.6)
    assert main(["plan", "iris", "--run", str(run)]) == 0
    assert "limited by" in capsys.readouterr().out
    assert main(["plan", "regression", "--run", str(run)]) == 3
    assert "is a run of another board" in capsys.readouterr().err


def test_pickup_is_predicted_as_it_is_read() -> None:
    """The error of b that pickup makes, over boards that draw it anew, against the board without it."""

    def read(*overrides: str) -> np.ndarray:
        """Return b of every edge for the largest error at each output, (O, E)."""
        assembly = assemble(packaged_configs() / "iris.yaml", ["simulation.preset=ideal", *overrides])
        with assembly.open_rig() as rig:
            rig.program(assembly.update(rig).settings())
            outputs = len(rig.hookup.outputs)
            largest = assembly.learning.error.largest
            x = assembly.task.activation[0]
            return np.array([rig.measure(Excitation(x, error=row[None])).b[0] for row in largest * np.eye(outputs)])

    found = budget(assemble(packaged_configs() / "iris.yaml", ["simulation.preset=ideal", "simulation.pickup=0.0001"]))
    predicted = found.terms[TERMS.index("pickup")] * found.b_v
    off = [
        read("simulation.pickup=0.0001", f"simulation.seed={seed}") - read(f"simulation.seed={seed}")
        for seed in range(10)
    ]
    assert np.sqrt(np.mean(np.square(off))) == pytest.approx(np.sqrt(np.mean(predicted**2)), rel=0.2)
