"""`auto`: values are chosen from the first gradients, stated with their reasons, and chosen only once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labrig.assembly import assemble
from labrig.cli.main import main
from labrig.errors import ConfigError
from labrig.procedures.auto import choose

KEYS = ("learning.rate", "learning.temperature", "learning.error.current")
ALL = [f"{key}=auto" for key in KEYS]


def chosen(config: str, *overrides: str) -> dict[str, float | str]:
    _, values = choose(assemble(Path(config), overrides))
    return {each.key: each.value for each in values}


def test_what_is_chosen_for_iris_is_near_what_was_tuned_by_hand() -> None:
    assembly, values = choose(assemble(Path("iris.yaml"), ALL))
    assert [each.key for each in values] == list(KEYS)
    assert 0.01 < assembly.learning.rate < 0.3
    assert 0.02 < assembly.loss.error_scale**-1 < 0.1
    assert 1e-6 < assembly.learning.error.largest < 10e-6
    assert all(each.why for each in values)


def test_only_what_is_auto_is_chosen() -> None:
    assembly, values = choose(assemble(Path("xor.yaml"), ["learning.error.current=auto"]))
    assert [each.key for each in values] == ["learning.error.current"]
    assert assembly.learning.rate == 0.5
    assert 0.2e-6 < assembly.learning.error.largest < 3e-6
    plain = assemble(Path("xor.yaml"))
    assert choose(plain) == (plain, ())


def test_the_same_board_leads_to_the_same_choice_and_the_rate_follows_the_temperature() -> None:
    assert chosen("iris.yaml", *ALL) == chosen("iris.yaml", *ALL)
    slow, fast = (chosen("iris.yaml", "learning.rate=auto", f"learning.temperature={t}") for t in ("20 mV", "200 mV"))
    assert float(fast["learning.rate"]) > 20 * float(slow["learning.rate"])


def test_the_current_follows_the_conductance_that_an_output_sees() -> None:
    """Ten times the range of the edges: ten times the current for the same movement of an output."""
    given = ["learning.error.current=auto", "network.programmable.initial=[30 µS, 30 µS]"]
    small = assemble(Path("divider.yaml"), given)
    assert small.learning.error.largest == pytest.approx(0.005 * (30e-6 + 1e-5), rel=0.1)


def test_a_rule_without_the_gradient_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not measure the gradient of the loss, from which auto is chosen"):
        assemble(Path("regression.yaml"), ["learning.rule=coupled_learning", "learning.rate=auto"])


def test_another_mistake_is_reported_as_without_auto() -> None:
    with pytest.raises(ConfigError, match=r"unknown key 'epoch'; did you mean 'epochs'(.*\n)*1 problem"):
        assemble(Path("iris.yaml"), [*ALL, "learning.epoch=3"])


def test_a_run_says_what_was_chosen_and_resume_does_not_choose_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [each for value in ALL for each in ("--set", value)]
    short = ["--set", "learning.epochs=1", "--no-plots", "--run-dir", str(tmp_path / "run"), "--json"]
    assert main(["run", "iris.yaml", *given, *short]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["event"] == "chosen"
    meta = json.loads((tmp_path / "run" / "meta.json").read_text(encoding="utf-8"))
    assert meta["chosen"] == lines[0]["values"]
    written = assemble(tmp_path / "run" / "config.resolved.yaml")
    assert written.auto is None
    assert written.learning.rate == {each["key"]: each["value"] for each in meta["chosen"]}["learning.rate"]
    assert main(["resume", str(tmp_path / "run"), "--epochs", "2", "--json"]) == 0
    again = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "chosen" not in {line["event"] for line in again}
    assert main(["verify", str(tmp_path / "run"), "--json"]) == 0
