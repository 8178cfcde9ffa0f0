"""Springs and tubes: certified against their own adjoint, and trained, through the sampled volts of their sensors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import labrig
from labrig.assembly import assemble, packaged_configs
from labrig.cli.main import main
from labrig.config.problems import ConfigProblems
from labrig.learning.gradient import Gradient
from labrig.procedures.train import train
from labrig.signals.tones import ToneProgram

CONFIGS = ["elastic_allostery", "elastic_large", "flow_chemical_iris", "studies/elastic_rest_length"]


def gradients(config: str, *overrides: str) -> tuple[np.ndarray, np.ndarray]:
    """The measured gradient of the first training example, and the exact one."""
    measured, exact = measured_and_exact(config, *overrides)
    return measured.value, exact


def measured_and_exact(config: str, *overrides: str) -> tuple[Gradient, np.ndarray]:
    """The same with the uncertainties of the measured one."""
    assembly = assemble(packaged_configs() / f"{config}.yaml", overrides)
    setup = assembly.setup()
    with setup.rig as rig:
        update = assembly.update(rig)
        rig.program(update.settings())
        probe = assembly.probe(rig, update)
        example = int(assembly.task.train[0])
        measured = probe.gradient(example).gradient
        truth = setup.bench.truth
        assert measured is not None
        assert truth is not None
        target = assembly.task.target[example]
        exact = truth.gradient(assembly.task.activation[example], lambda o: probe.loss.gradient(o, target))
    return measured, exact


@pytest.mark.parametrize("config", CONFIGS)
def test_the_measured_gradient_is_the_exact_one(config: str) -> None:
    measured, exact = gradients(config, "simulation.preset=ideal")
    assert np.linalg.norm(measured - exact) < 1e-5 * np.linalg.norm(exact)
    measured, exact = gradients(config)
    assert measured @ exact > 0.99 * np.linalg.norm(measured) * np.linalg.norm(exact)


def test_at_finite_displacements_the_error_falls_with_the_square_of_the_force() -> None:
    def error(force: str) -> float:
        measured, exact = gradients("elastic_large", "simulation.preset=ideal", f"learning.error.force={force}")
        return float(np.linalg.norm(measured - exact) / np.linalg.norm(exact))

    assert error("8 mN") / error("2 mN") == pytest.approx(16, rel=0.05)


@pytest.mark.parametrize(("variant", "least", "most"), [("flow_radius", 0.9, 0.9999), ("flow_advection", 0.8, 0.9999)])
def test_what_diffuses_otherwise_is_no_longer_exact(variant: str, least: float, most: float) -> None:
    measured, exact = gradients(f"studies/{variant}", "simulation.preset=ideal")
    cosine = measured @ exact / np.linalg.norm(measured) / np.linalg.norm(exact)
    assert least < cosine < most


@pytest.mark.parametrize(
    ("config", "epochs"),
    [
        ("elastic_allostery", 150),
        pytest.param("flow_chemical_iris", 3, marks=pytest.mark.long),
        pytest.param("studies/elastic_rest_length", 30, marks=pytest.mark.more),
        pytest.param("studies/elastic_regression", 10, marks=pytest.mark.more),
    ],
)
def test_it_is_trained(config: str, epochs: int, tmp_path: Path) -> None:
    overrides = [f"learning.epochs={epochs}", "learning.evaluate.every=0"]
    assembly = assemble(packaged_configs() / f"{config}.yaml", overrides)
    result = train(assembly, run_dir=tmp_path / "run")
    assert result.metrics["loss"] < 0.15 * result.metrics["initial_loss"]
    assert not result.left_out  # every picture was drawn
    units = {name: variable.units for name, variable in labrig.load(tmp_path / "run").contents.variables.items()}
    units_of = {"elastic_rest_length": ("m", "m"), "flow_chemical_iris": ("Pa", "m³/(s·Pa)")}
    state, parameter = units_of.get(Path(config).name, ("m", "N/m"))
    assert (units["outputs"], units["conductances"], units["gradient"]) == (state, parameter, f"1/({parameter})")


@pytest.mark.parametrize("config", CONFIGS)
def test_the_stated_uncertainty_is_the_distance_from_the_exact_gradient(config: str) -> None:
    """On boards with errors of their own; amplitudes of sources are right, as nobody states how far off they are."""
    squares = []
    for seed in range(8):
        measured, exact = measured_and_exact(config, f"seed={seed}", "simulation.source_amplitude=0")
        stated = np.hypot(measured.standard_error, measured.systematic)
        squares.append(np.mean(((measured.value - exact) / stated) ** 2))
    assert 0.7 < np.sqrt(np.mean(squares)) < 1.4


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("{force: 1 mN}", "unknown key 'force'"),
        ("{flow: 1 µL/s}", "shared_tone injects a volume flow, but c_out0 carries a concentration"),
        ("{carrier: chemical, flow: 1 µL/s}", "unknown key 'flow'"),
    ],
)
def test_an_error_that_nothing_would_answer_to_is_refused(error: str, message: str) -> None:
    with pytest.raises(ConfigProblems, match=message):
        assemble(packaged_configs() / "flow_chemical_iris.yaml", [f"learning.error={error}"])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "c_h0={sense: {channel: daq/38, sensor: 1 V/kPa}}",
            "c_h0 carries a concentration, so its sensor is written in",
        ),
        (
            "h0={sense: {channel: daq/13, sensor: 1 V per mol/m³}}",
            "h0 carries a pressure, so its sensor is written in V",
        ),
        (
            "c_out0={error: {channel: dispensers/0, actuator: 10 µL/s per V}, sense: {channel: daq/35, sensor: "
            "10 V per mol/m³}}",
            "an actuator that makes a volume flow is not suitable: c_out0 carries a concentration: write mol/s per V",
        ),
        ("h0={sense: daq/13}", "h0 carries a pressure: name the transducer"),
    ],
)
def test_a_transducer_of_the_other_quantity_is_refused(row: str, message: str) -> None:
    with pytest.raises(ConfigProblems, match=message):
        assemble(packaged_configs() / "flow_chemical_iris.yaml", [f"wiring.{row}"])


def test_a_missing_coupling_is_reported_once() -> None:
    drive = "{channel: awg/0, actuator: 1 mm/V}"
    row = f"wiring.source={{drive: {drive}, sense: {{channel: daq/50, sensor: 5 V/mm}}}}"
    with pytest.raises(ConfigProblems) as error:
        assemble(packaged_configs() / "elastic_allostery.yaml", [row])
    assert [problem.path for problem in error.value.problems] == ["wiring.source.drive"]


@pytest.mark.parametrize(
    ("config", "null_test"),
    [pytest.param("flow_chemical_iris", "Pa", marks=pytest.mark.long), ("elastic_allostery", "m")],
)
def test_certify_confirms_the_edges_and_speaks_the_units(config: str, null_test: str, capsys) -> None:
    assert main(["certify", f"{config}.yaml", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["cosine_adjoint"] > 0.99
    assert figures["confirmed_share"] > 0.9
    assert figures[f"null_b_max_{null_test.lower()}"] >= 0
    assert "null_b_max_v" not in figures


def test_a_chemical_that_was_deleted_is_named_as_the_cause() -> None:
    with pytest.raises(ConfigProblems) as error:
        assemble(packaged_configs() / "flow_chemical_iris.yaml", ["network.chemical=null"])
    said = [problem.message for problem in error.value.problems]
    assert any("this network has none; write network.chemical, or use shared_tone" in each for each in said)
    assert (
        "c_in0 is the concentration at in0, but the network has no chemical; add the section network.chemical" in said
    )


def test_plan_and_measure_speak_the_units_of_the_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "flow_chemical_iris.yaml", "--wiring"]) == 0
    assert "4.4 to 7.9 as ± 1 kPa" in capsys.readouterr().out
    assert main(["measure", "flow_chemical_iris.yaml", "--drive", "in3=0.5kPa", "--error", "c_out0=1nmol/s"]) == 0
    rows = {words[0]: words[1:3] for line in capsys.readouterr().out.splitlines() if (words := line.split())}
    assert rows["in3"][0] == "Pa"
    assert float(rows["in3"][1]) == pytest.approx(500, rel=0.01)
    assert rows["c_out0"][0] == "mol/m³"
    assert float(rows["c_out0"][1]) > 1e-3
    assert main(["measure", "flow_chemical_iris.yaml", "--drive", "in3=0.5V"]) == 2
    assert "'0.5V' is a voltage, expected a pressure" in capsys.readouterr().err


def test_settling_waits_for_the_chemical_or_is_said_to_be_too_short() -> None:
    path = packaged_configs() / "flow_chemical_iris.yaml"
    slow = assemble(path, ["network.chemical.volume=100 nL"])
    plan = slow.acquisition_timing.plan
    equilibrium = slow.board.network.equilibrium()
    equilibrium.set_parameters(np.full(len(slow.board.network.edges), slow.network.programmable.range[0]))
    assert plan.settle_samples / plan.sample_rate_hz > 10 * equilibrium.slowest_s > 10e-3
    assert not slow.document.warnings
    (warning,) = assemble(path, ["network.chemical.volume=100 nL", "acquisition.settle=5 ms"]).document.warnings
    assert "has a time constant of up to 3.7" in warning.message


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("learning.activation=sine", "the amplitude of a tone does not follow the parameters"),
        ("learning.rule=half_squares", "but in this network the energy of an edge is not half its parameter"),
        ("network.programmable.range=[20 N/m, 190 N/m]", "'20 N/m' is a stiffness, expected a length"),
        ("wiring.edges.transducer=2 N/m per µS", "expected a factor in m per S"),
        ("limits.edge_power=1 mJ", "but the parameter is a length"),
    ],
)
def test_what_rest_lengths_cannot_do_is_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigProblems, match=message):
        assemble(packaged_configs() / "studies" / "elastic_rest_length.yaml", [override])


@pytest.mark.parametrize("rule", ["equilibrium_propagation", "finite_difference", "parameter_dither", "richardson"])
def test_other_rules_measure_the_gradient_by_rest_lengths_too(rule: str) -> None:
    more = [f"learning.rule={rule}", "simulation.preset=ideal", "limits.step=10 s"]
    measured, exact = gradients("studies/elastic_rest_length", *more)
    assert measured @ exact > 0.999 * np.linalg.norm(measured) * np.linalg.norm(exact)
    assert np.linalg.norm(measured) == pytest.approx(np.linalg.norm(exact), rel=1e-2)


def test_a_map_between_displacements_is_not_drawn() -> None:
    with pytest.raises(ConfigProblems, match="no achievable matrix can be drawn at random for a network of lengths"):
        assemble(packaged_configs() / "studies" / "elastic_regression.yaml", ["task.regression.matrix=random"])


def test_a_settle_that_is_too_short_is_felt() -> None:
    def error(settle: str) -> float:
        slow = ["simulation.preset=ideal", "network.chemical.volume=100 nL", f"acquisition.settle={settle}"]
        measured, exact = gradients("flow_chemical_iris", *slow)
        return float(np.linalg.norm(measured - exact) / np.linalg.norm(exact))

    assert error("auto") < 1e-6
    assert error("5 ms") < error("1 ms") / 2
    assert error("1 ms") > 1e-3


def test_concentrations_relax_as_their_equations_say() -> None:
    """V dc/dt = r − D c, by a fine implicit rule, after the release at one output has begun."""
    assembly = assemble(packaged_configs() / "flow_chemical_iris.yaml", ["simulation.preset=ideal"])
    world = assembly.setup().bench.world
    now = 1.0
    for channel in world.sources:
        world.drive(0.0, channel, ToneProgram())
    dose = next(channel for channel, node in world.wiring.sources.items() if node == "c_out1")
    world.drive(now, dose, ToneProgram(dc=1.0))
    nodes = [node for node in world.network.nodes if node.startswith("c_")]
    read = world.voltages(nodes, now, 1e6, 1000)
    steady = world.voltages(nodes, now + 1.0, 1e3, 1)[0]
    solver, _ = world.static({}, now)
    rates = solver._diffusion / 10e-12
    step = np.linalg.inv(np.eye(len(nodes)) + 1e-6 * rates)
    expected = np.zeros((1000, len(nodes)))
    for k in range(1, 1000):
        expected[k] = step @ (expected[k - 1] + 1e-6 * rates @ steady)
    assert steady.max() > 1e-3
    np.testing.assert_allclose(read, expected, atol=0.01 * steady.max())
    assert read[10].max() < 0.5 * steady.max() < read[-1].max()
