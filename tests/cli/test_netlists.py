"""`labrig simulate`, `labrig show --netlist`, and a board from a netlist."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from labrig.assembly import assemble
from labrig.assembly.check import packaged_configs
from labrig.cli.main import main
from labrig.config.problems import ConfigProblems
from labrig.network.resistive.graph import Graph
from labrig.runs.journal import read_journal

DIVIDER = "divider\nV1 in 0 SIN(0 3 1k)\nR1 in out 2k\nR2 out 0 1k\n.tran 100u 1m\n.end\n"


def test_it_writes_time_and_every_node(tmp_path, capsys):
    (tmp_path / "d.cir").write_text(DIVIDER)
    assert main(["simulate", str(tmp_path / "d.cir"), "--out", str(tmp_path / "d.npz"), "--json"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["analysis"], line["times"]) == ("tran", 11)
    with np.load(tmp_path / "d.npz") as found:
        np.testing.assert_allclose(found["time"], np.linspace(0, 1e-3, 11))
        np.testing.assert_allclose(found["v(out)"], np.sin(2e3 * np.pi * found["time"]), atol=1e-12)
        assert set(found) == {"time", "v(in)", "v(out)"}


def test_at_times_of_ones_own(tmp_path, capsys):
    (tmp_path / "d.cir").write_text(DIVIDER)
    np.save(tmp_path / "t.npy", np.array([0.25e-3]))
    assert main(["simulate", str(tmp_path / "d.cir"), "--at", str(tmp_path / "t.npy"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["voltages_v"]["out"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "times", "message"),
    [
        ("t\nR1 a 0 1k\nV1 a 0 1\n", None, "it requests no analysis (remedy: write .op or .tran STEP STOP in it)"),
        (DIVIDER, [1e-3, 0.5e-3], "the times must be ≥ 0 and increase"),
        (DIVIDER, [[0.0, 1.0]], "the times must be one row of numbers"),
        (
            "t\nV1 in 0 SIN(0 1 1k)\nR1 in a 1k\nC1 a 0 1u\n.end\n",
            [1e300],
            "needs 5e+304 steps until 1e+300 s, too many",
        ),
        ("t\nV1 in 0 SIN(0 1 1k 0 -1e9)\nR1 in 0 1k\n.end\n", [1.0], "no finite voltage was found at node in"),
        ("t\nQ1 a b c npn\n.op\n", None, "d.cir:2: Q1: elements of this kind are not supported"),
    ],
)
def test_one_error_says_where_and_what(tmp_path, capsys, text, times, message):
    (tmp_path / "d.cir").write_text(text)
    more = []
    if times is not None:
        np.save(tmp_path / "t.npy", np.array(times))
        more = ["--at", str(tmp_path / "t.npy")]
    out = tmp_path / "d.npz"
    assert main(["simulate", str(tmp_path / "d.cir"), "--out", str(out), *more]) == 3
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_the_board_of_a_run_is_solved_as_it_was_trained(tmp_path, capsys):
    folder = tmp_path / "run"
    assert main(["run", "divider.yaml", "--run-dir", str(folder), "--no-plots", "--set", "learning.epochs=3"]) in (0, 7)
    capsys.readouterr()
    assert main(["show", str(folder), "--netlist", "--step", "2"]) == 0
    text = capsys.readouterr().out
    assert "after step 2 of 3" in text
    (tmp_path / "board.cir").write_text(text)
    assert main(["simulate", str(tmp_path / "board.cir"), "--json"]) == 0
    there = json.loads(capsys.readouterr().out)["voltages_v"]
    assembly = assemble(folder / "config.resolved.yaml")
    network = assembly.board.network
    solver = network.equilibrium()
    solver.set_parameters(read_journal(folder / "run.db").steps["conductances"][1])
    inputs = [wire.node for wire in assembly.board.hookup.inputs]
    levels = dict(zip(inputs, assembly.task.activation[0], strict=True))
    states = solver.states([levels.get(source.node, 0.0) for source in network.sources])
    np.testing.assert_allclose([there[node] for node in network.nodes], states, atol=1e-11)
    assert main(["show", str(folder), "--netlist", "--step", "9"]) == 2
    assert "the run has only 3 steps" in capsys.readouterr().err


def board(folder: Path, options: str, extra: str = "") -> Path:
    lines = [f"R{1 + 2 * i + o} in{i} out{o} 10k" for i in range(7) for o in range(2)]
    (folder / "board.cir").write_text("\n".join([".title board", *lines, "R15 out0 0 220k", extra, ".end", ""]))
    text = (packaged_configs() / "regression.yaml").read_text(encoding="utf-8")
    path = folder / "board.yaml"
    path.write_text(text.replace("layered: {inputs: 7, outputs: 2}", f"netlist: {{file: board.cir{options}}}"))
    return path


def test_a_board_from_a_netlist_is_trained(tmp_path, capsys):
    path = board(tmp_path, ", edges: [R1..R14], leave_out: [V1, J1]", "V1 in0 0 1\nJ1 in0 out0 __J1")
    command = ["run", str(path), "--run-dir", str(tmp_path / "run"), "--no-plots", "--set", "learning.epochs=15"]
    assert main([*command, "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])["metrics"]
    assert metrics["loss"] < metrics["initial_loss"] / 100
    network = assemble(path).board.network
    assert [edge.name for edge in network.edges] == [f"R{k}" for k in range(1, 15)]
    assert isinstance(network, Graph)
    assert [part.name for part in network.resistors] == ["r15"]
    assert main(["check", str(tmp_path / "run" / "config.resolved.yaml")]) == 0


@pytest.mark.parametrize(
    ("options", "extra", "message"),
    [
        (", edges: [R1..R14]", "V1 in0 0 1", "V1 .*board.cir:17. is a source; write 'leave_out: .V1.'"),
        (", edges: [R1..R14]", "C1 in0 0 1n", "C1 .* is a capacitor"),
        (", edges: [R1..R16]", "", "the netlist has no resistor R16"),
        (", edges: [R1..R999999999]", "", "the netlist has no resistor R1..R999999999"),
        (", edges: [R5..R1]", "", "the netlist has no resistor R5..R1"),
        (", edges: [R1, R1]", "", "R1 is named twice"),
        (", edges: [R1], leave_out: [R1]", "", "the netlist has no resistor R1"),
        (", edges: [R1], leave_out: [V7]", "", "the netlist has no part V7"),
        (", edges: [R1..R14]", "Q1 a b c npn", "board.cir:17: Q1: elements of this kind are not supported"),
    ],
)
def test_a_board_that_cannot_be_meant(tmp_path, options, extra, message):
    with pytest.raises(ConfigProblems, match=message):
        assemble(board(tmp_path, options, extra))


def test_a_netlist_that_is_not_there(tmp_path):
    path = board(tmp_path, "")
    (tmp_path / "board.cir").unlink()
    with pytest.raises(ConfigProblems, match=r"network.netlist.file: there is no file 'board.cir'"):
        assemble(path)
