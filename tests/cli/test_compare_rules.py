"""compare-rules: one table, one JSON line, one page; a reference that is no measurement says so everywhere."""

from __future__ import annotations

import json

import pytest

from labrig.cli.main import main
from labrig.errors import UsageError
from labrig.procedures.compare_rules.comparison import Interval
from labrig.procedures.compare_rules.named import NamedRule

LABEL = "no measurement"


@pytest.mark.long
def test_rules_are_compared_with_the_same_budget(tmp_path, capsys):
    rules = "frequency_propagation,equilibrium_propagation/nudge=one_sided,finite_difference,exact_adjoint"
    given = ["compare-rules", "regression.yaml", "--rules", rules, "--budget", "240", "--seeds", "2"]
    assert main([*given, "--offset", "1 mV", "--bits", "14", "--out", str(tmp_path / "out"), "--json"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["overrides"][1:] == ["simulation.digitizer_offset=1 mV", "instruments.daq.bits=14"]
    assert [each["rule"] for each in line["rules"]] == rules.split(",")
    for rule in line["rules"]:
        assert (LABEL in rule.get("measurement", "")) == (rule["rule"] == "exact_adjoint")
        for trial in rule["trials"]:
            assert trial["acquisitions"] <= 240
            assert trial["cosine_before"] > 0.99
    propagation, nudged, differences, exact = (each["figures"] for each in line["rules"])
    assert propagation["steps"]["mean"] == 24
    assert nudged["steps"]["mean"] == 24
    assert differences["steps"]["mean"] == 1  # 29 acquisitions per example, 5 examples per step
    assert exact["cosine_after"]["mean"] == pytest.approx(1.0)
    assert json.loads((tmp_path / "out" / "rules.json").read_text(encoding="utf-8")) == line
    assert (tmp_path / "out" / "rules.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_by_the_exact_gradient_says_so(tmp_path, capsys):
    run = ["--run-dir", str(tmp_path / "run"), "--set", "learning.rule=exact_adjoint", "--set", "learning.epochs=1"]
    assert main(["run", "divider.yaml", "--no-plots", *run]) == 0
    assert LABEL in capsys.readouterr().out
    assert main(["show", str(tmp_path / "run")]) == 0
    assert LABEL in capsys.readouterr().out.split("comparability card")[0]
    assert main(["show", str(tmp_path / "run"), "--json"]) == 0
    assert LABEL in json.loads(capsys.readouterr().out)["card"]["measurement"]
    assert main(["certify", "divider.yaml", "--set", "learning.rule=exact_adjoint"]) == 2
    assert "does not measure" in capsys.readouterr().err


@pytest.mark.parametrize("rules", ["", "frequency_propagation,frequency_propagation", "chopped/chops"])
def test_a_list_of_rules_that_makes_no_sense(rules, capsys):
    assert main(["compare-rules", "regression.yaml", "--rules", rules]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rules", "place", "words"),
    [
        ("frequncy_propagation", 1, "did you mean 'frequency_propagation'"),
        ("frequency_propagation/foo=1", 23, "unknown key 'foo'; frequency_propagation has no options of its own"),
        ("half_squares,equilibrium_propagation/foo=1", 38, "equilibrium_propagation has the options nudge"),
        ("half_squares,equilibrium_propagation/nudge=two", 44, "'two' is not one of 'centred', 'one_sided'"),
    ],
)
def test_a_mistake_in_a_rule_is_reported_where_it_is_written(rules, place, words, capsys):
    assert main(["compare-rules", "regression.yaml", "--rules", rules]) == 3
    shown = capsys.readouterr().err
    assert f"--rules:1:{place}: " in shown
    assert words in shown


@pytest.mark.more
def test_a_budget_smaller_than_a_step_is_exceeded_and_said_to_be(tmp_path, capsys):
    given = [
        "compare-rules",
        "elastic_allostery.yaml",
        "--rules",
        "finite_difference",
        "--budget",
        "40",
        "--seeds",
        "1",
    ]
    assert main([*given, "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "finite_difference exceeded its budget: 113 acquisitions instead of 40: a step takes 113" in shown
    assert "true_rms_m (m)" in shown
    assert json.loads((tmp_path / "rules.json").read_text())["units"] == {"rms_m": "m", "loss": "m²"}


def test_options_follow_the_name():
    assert NamedRule("mine:Rule/a=1/b=2").overrides == ("learning.rule=mine:Rule", "learning.a=1", "learning.b=2")
    with pytest.raises(UsageError, match="write NAME/KEY=VALUE"):
        _ = NamedRule("chopped/chops").overrides


def test_the_interval_of_a_mean():
    found = Interval.of([1.0, 2.0, 3.0])
    assert (found.mean, found.least, found.largest) == (2.0, 1.0, 3.0)
    assert found.half == pytest.approx(4.303 / 3**0.5, rel=1e-3)
