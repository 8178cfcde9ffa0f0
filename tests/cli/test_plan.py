"""`labrig plan`: a configuration that no run can follow is told where and why."""

from __future__ import annotations

import json

import pytest

from labrig.cli.main import main


@pytest.mark.parametrize("config", ["iris.yaml", "divider.yaml"])
def test_a_limit_that_stops_every_run_is_a_fault_at_its_place(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", config, "--json", "--set", "limits.edge_power=5 nW"]) == 3
    said = json.loads(capsys.readouterr().out)
    (fault,) = said["faults"]
    assert (fault["file"], fault["line"], fault["column"]) == ("--set", 1, 19)
    assert fault["path"] == "limits.edge_power"
    assert "a run would be stopped: edge in" in fault["message"]
    assert "5e-09 W; lower the drive or the conductance range, or raise the limit" in fault["message"]


def test_a_plan_of_as_many_epochs_as_there_may_be_takes_no_longer(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["plan", "divider.yaml", "--json", "--set", "learning.epochs=1e9", "--set", "learning.evaluate.every=1"])
        == 0
    )
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert counts == {"updates": 10**9, "training": 2 * 10**9, "evaluation": 10**9 + 2}


@pytest.mark.more
def test_hardware_is_not_touched(capsys):
    """There is none here; its drivers are tried on virtual instruments."""
    assert main(["plan", "xor_wire.yaml", "--bench", "hardware"]) == 0
    assert "Measured on virtual instruments" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("config", "solver"),
    [
        ("iris.yaml", "linear, 14 nodes by a dense factorization"),
        (
            "xor.yaml",
            "9 nodes eliminated exactly (diagonal), Newton's method on 6 nodes with 12 diodes; "
            "small tones by chord iteration, 139 or more very different samples by compiled code",
        ),
    ],
)
def test_the_plan_names_the_solver(config, solver, capsys):
    assert main(["plan", config]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("solver"))
    assert line.split(maxsplit=1)[1] == solver
    assert main(["plan", config, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["solver"] == solver


@pytest.mark.parametrize(("config", "said"), [("iris_memristor.yaml", True), ("iris.yaml", False)])
def test_that_pulses_are_not_in_the_time_is_said_where_cells_are_written(config, said, capsys) -> None:
    assert main(["plan", config]) == 0
    assert ("on the bench without the pulses and readings of cells" in capsys.readouterr().out) == said
