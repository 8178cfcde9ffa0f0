"""Whether any conductances solve a task: yes where a run solves it, no where it is impossible, and why."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from unit.rig.benches import assembled

from labrig.assembly import Assembly, assemble, packaged_configs
from labrig.cli.main import main
from labrig.config.problems import ConfigProblems
from labrig.procedures.feasible.model import Model
from labrig.procedures.feasible.search import Feasibility, search


def found_for(assembly: Assembly, starts: int = 6) -> Feasibility:
    return search(assembly, starts)


@pytest.mark.parametrize(("name", "overrides"), [("divider", ()), ("xor", ()), ("regression", ()), ("iris", ())])
def test_yes_for_what_is_trained(name, overrides):
    found = found_for(assembled(name, *overrides))
    assert found.feasible
    assert found.survives_rounding
    assert not found.reasons
    assert all(criterion.holds(found.metrics) for criterion in found.criteria)


@pytest.mark.more
@pytest.mark.parametrize("name", ["allostery", "iris_hidden", "iris_wire", "sine", "xor_am", "xor_wire"])
def test_yes_for_every_configuration_that_comes_with_labrig(name):
    assert found_for(assembled(name)).feasible


@pytest.mark.parametrize("name", ["xor", "xor_am", "divider"])
def test_the_gradient_is_that_of_the_loss(name):
    model = Model(assembled(name))
    here = 0.4 * model.low + 0.6 * model.high
    _, gradient, _ = model.loss_and_gradient(here, model.task.train)
    direction = np.linspace(-1, 1, len(here)) if len(here) > 1 else np.ones(1)
    step = 1e-3 * (model.high - model.low) * direction
    ahead, behind = (model.loss_and_gradient(here + sign * step, model.task.train)[0] for sign in (1, -1))
    assert (ahead - behind) / 2 == pytest.approx(float(gradient @ step), rel=1e-4)


def test_conductances_stay_in_range_and_the_answer_is_the_boards():
    assembly = assembled("xor")
    found = found_for(assembly)
    low, high = assembly.network.programmable.range
    assert (found.conductances >= low * (1 - 1e-9)).all()
    assert (found.conductances <= high * (1 + 1e-9)).all()
    setup = assembled("xor", "simulation.preset=ideal").setup()
    with setup.rig:  # the outputs of a board that is programmed so are those of the model
        setup.bench.world.set(0.0, dict(zip(setup.rig.edges, found.conductances, strict=True)))
        truth = setup.bench.truth.outputs_of_all(assembly.task.activation)
    np.testing.assert_allclose(
        truth, Model(assembly).outputs(found.conductances, assembly.task.activation), rtol=0, atol=1e-9
    )


def test_no_without_diodes():
    found = found_for(assembled("xor", "network.layered.hidden=[{nodes: 6}]"))
    assert not found.feasible
    assert found.metrics["rms_v"] == pytest.approx(60e-3, rel=1e-6)
    assert any("network is linear" in reason for reason in found.reasons)
    assert found.overlooked == pytest.approx(1 - 0.05 ** (1 / 6))


@pytest.mark.parametrize(("bias", "needed"), [("0 V", True), ("1 V", False)])
def test_targets_with_an_offset_need_a_bias(tmp_path, bias, needed):
    (tmp_path / "data.csv").write_text("x,y\n" + "".join(f"{x / 10},{0.02 * x + 0.3}\n" for x in range(-10, 11)))
    text = (packaged_configs() / "regression.yaml").read_text(encoding="utf-8")
    for old, new in {
        "inputs: 7, outputs: 2": "inputs: 3, outputs: 1",
        "matrix: random, train: 30, test: 20": "data: {file: data.csv, inputs: [x], outputs: [y]}",
        "bias: [0 V]": f"bias: [{bias}]",
        "learning:": "  split: {train: 15, test: 6}\nlearning:",
        "in0..in6:   {drive: awg/0..6, through: 50 Ω, sense: daq/0..6}": "in0..in2: {drive: awg/0..2, sense: daq/0..2}",
        "out0..out1: {error: awg/7..8, through: 100 kΩ, sense: daq/7..8}": (
            "out0: {error: awg/7, through: 100 kΩ, sense: daq/7}"
        ),
        "pots/0..13": "pots/0..2",
    }.items():
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "board.yaml").write_text(text, encoding="utf-8")
    reasons = found_for(assemble(tmp_path / "board.yaml")).reasons
    said = [each for each in reasons if "with one more, constant input" in each and "add a bias" in each]
    assert bool(said) == needed, reasons


def test_no_for_a_range_that_is_too_narrow():
    narrow = assembled("xor", "network.programmable={edges: all, range: [50 µS, 60 µS]}")
    found = found_for(narrow)
    assert not found.feasible
    assert any("limit of the range, 50 µS to 60 µS" in reason for reason in found.reasons)


def test_no_for_a_target_outside_of_what_the_load_allows():
    with pytest.raises(ConfigProblems, match="out of reach"):  # outside of the drives: refused before
        assembled("divider", "task.divider.target=1.2 V")
    found = found_for(assembled("allostery", "task.allostery.targets=[990 mV, 10 mV, 990 mV]"), 2)
    assert not found.feasible
    assert any("limit of the range" in reason for reason in found.reasons)


def edited(folder: Path, name: str, *edits: tuple[str, str]) -> Assembly:
    """A configuration that comes with labrig, with parts of its text replaced."""
    text = (packaged_configs() / f"{name}.yaml").read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (folder / "edited.yaml").write_text(text, encoding="utf-8")
    return assemble(folder / "edited.yaml")


def linear_regression(folder: Path, noise: float, *overrides: str) -> Assembly:
    """A linear regression of y = 0.1 x1 + noise."""
    generator = np.random.default_rng(0)
    x = generator.uniform(-1, 1, (20, 3))
    y = 0.1 * x[:, 0] + noise * generator.standard_normal(20)
    rows = [",".join(map(str, (*features, target))) for features, target in zip(x, y, strict=True)]
    (folder / "line.csv").write_text("\n".join(["x1,x2,x3,y", *rows, ""]))
    data = "regression: {data: {file: line.csv, inputs: [x1, x2, x3], outputs: [y]}}\n  split: {train: 15, test: 5}"
    assembly = edited(
        folder,
        "regression",
        ("outputs: 2", "outputs: 1"),
        ("out0..out1: {error: awg/7..8, through: 100 kΩ, sense: daq/7..8}", "out0: {error: awg/7, sense: daq/7}"),
        ("pots/0..13", "pots/0..6"),
        ("regression: {matrix: random, train: 30, test: 20}", data),
    )
    return assemble(folder / "edited.yaml", overrides) if overrides else assembly


def test_noise_of_the_data_is_not_an_obstacle_to_a_target_above_it(tmp_path: Path):
    found = found_for(linear_regression(tmp_path, 5e-3), 2)
    assert any("needs diodes, unless the rest is noise of the data" in reason for reason in found.reasons)
    narrow = "network.programmable={edges: all, range: [50 µS, 51 µS]}"
    found = found_for(linear_regression(tmp_path, 5e-3, narrow, "task.target={rms: 20 mV}"), 2)
    assert not found.feasible
    assert [reason for reason in found.reasons if "limit of the range" in reason] == list(found.reasons)


def test_no_for_an_odd_network(tmp_path: Path):
    """XOR with one bias at mid-rail instead of both rails."""
    rows = [(a, b, 0.03 * np.sign(-a * b), 0.03 * np.sign(a * b)) for a in (-1, 1) for b in (-1, 1)]
    (tmp_path / "xor.csv").write_text("x1,x2,y0,y1\n" + "".join(f"{','.join(map(str, row))}\n" for row in rows))
    assembly = edited(
        tmp_path,
        "xor",
        ("inputs: 6", "inputs: 5"),
        ("pots/0..47", "pots/0..41"),
        ("in0..in5: ", "in0..in4: "),
        ("awg/0..5, through: 50 Ω, sense: daq/0..5", "awg/0..4, through: 50 Ω, sense: daq/0..4"),
        (
            "xor: {amplitude: 1 V, target: 60 mV}",
            "regression: {data: {file: xor.csv, inputs: [x1, x2], outputs: [y0, y1]}}\n"
            "  split: {train: 3, test: 1}\n  encode: {full_scale: 1 V, complements: true, bias: [0 V]}",
        ),
    )
    found = found_for(assembly, 3)
    assert not found.feasible
    assert any("the network is odd" in reason for reason in found.reasons)


def test_no_for_an_output_that_nothing_programs(tmp_path: Path):
    output = "  out1:  {error: awg/3, through: 100 kΩ, sense: daq/3}\n"
    wires = f"{output}  in1:   {{drive: awg/4, through: 50 Ω, sense: daq/4}}\n"
    assembly = edited(
        tmp_path,
        "divider",
        ("edges: [in0-out0]", "edges: [in0-out0]\n  resistors: [{from: in1, to: out1, value: 10 kΩ}]"),
        ("divider: {input: 1 V, target: 800 mV}", "allostery: {inputs: [1 V, 1 V], targets: [800 mV, 300 mV]}"),
        ("channels: 3,", "channels: 5,"),
        ("  pilot: ", f"{wires}  pilot: "),
    )
    found = found_for(assembly, 2)
    assert not found.feasible
    assert any("no conductance changes out1" in reason for reason in found.reasons)


def test_a_negative_matrix_without_complements_is_refused_before(tmp_path: Path):
    with pytest.raises(ConfigProblems, match=r"task\.regression\.matrix"):
        edited(
            tmp_path,
            "regression",
            ("matrix: random", "matrix: [[-0.2, 0.1, 0.1], [0.1, 0.1, 0.1]]"),
            ("complements: true", "complements: false"),
            ("inputs: 7", "inputs: 4"),
            ("in0..in6: ", "in0..in3: "),
            ("awg/0..6, through: 50 Ω, sense: daq/0..6", "awg/0..3, through: 50 Ω, sense: daq/0..3"),
            ("pots/0..13", "pots/0..7"),
        )


def test_a_network_behind_transducers_is_judged_in_its_own_units(capsys):
    assert main(["feasible", "elastic_allostery.yaml"]) == 0
    assert "rms_m" in capsys.readouterr().out


def test_the_command_says_yes_and_no(capsys):
    assert main(["feasible", "divider.yaml", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["feasible"] is True
    assert main(["feasible", "divider.yaml", "--set", "task.target={rms: 1 nV}", "--starts", "1", "--json"]) == 0
    capsys.readouterr()
    assert main(["feasible", "xor.yaml", "--set", "network.layered.hidden=[{nodes: 6}]", "--starts", "2"]) == 7
    out = capsys.readouterr().out
    assert out.startswith("no: none of 2 starts reached rms ≤ 8 mV, patterns_right ≥ 4")
    assert "2 of 2 starts ended at the same lowest loss" in out
