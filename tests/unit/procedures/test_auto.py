"""`auto`: values are chosen from the first gradients, stated with their reasons, and chosen only once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labrig.assembly import assemble, check
from labrig.assembly.auto import ERROR
from labrig.cli.main import main
from labrig.errors import ConfigError
from labrig.procedures.auto import choose
from labrig.procedures.train import train
from labrig.quantities import parse_quantity
from labrig.rig.rig import Rig

KEYS = ("learning.rate", "learning.temperature", "learning.error.current")
ALL = [f"{key}=auto" for key in KEYS]
CURRENT = KEYS[2]


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


def test_a_run_that_only_scores_measures_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """At conductances that are trained already there may be no gradient to choose from, nor any training examples."""
    monkeypatch.setattr(Rig, "measure", None)
    given = ["learning.rate=auto", f"{CURRENT}=auto", "learning.epochs=0"]
    found, values = choose(assemble(Path("regression.yaml"), given))
    assert values == ()
    assert found.auto is None or not found.auto.keys or found.learning.rate > 0


def test_the_same_board_leads_to_the_same_choice_and_the_rate_follows_the_temperature() -> None:
    assert chosen("iris.yaml", *ALL) == chosen("iris.yaml", *ALL)
    slow, fast = (chosen("iris.yaml", "learning.rate=auto", f"learning.temperature={t}") for t in ("20 mV", "200 mV"))
    assert float(fast["learning.rate"]) > 20 * float(slow["learning.rate"])


def test_a_batch_allows_a_higher_rate() -> None:
    """The mean of 4 gradients scatters half as much as one."""
    one, four = (
        chosen("iris.yaml", "learning.rate=auto", f"learning.batch={batch}")["learning.rate"] for batch in (1, 4)
    )
    assert four == pytest.approx(2 * float(one), rel=0.05)


def test_the_provisional_current_follows_the_conductance_that_an_output_sees() -> None:
    """Until the current is measured, the nominal board stands in: 5 mV for the conductance of edge and source."""
    given = ["learning.error.current=auto", "network.programmable.initial=[30 µS, 30 µS]"]
    assembly = assemble(Path("divider.yaml"), given)
    assert assembly.learning.error.largest == pytest.approx(0.005 * (30e-6 + 1e-5), rel=0.1)


def test_the_current_is_measured_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provisional current that is ten times too large leads to the same choice."""
    given = "learning.error.current=auto"
    expected = chosen("iris.yaml", given)
    plain = check.provisional
    monkeypatch.setattr(check, "provisional", lambda *each: {**plain(*each), (*ERROR, "current"): "30 µA"})
    assert chosen("iris.yaml", given) == expected


def test_rounding_is_not_taken_for_a_gradient_that_depends_on_the_current() -> None:
    """Steps are 2.4 mV, and noise does not average them: a smaller current would move outputs by less than a step."""
    coarse = ("instruments.daq.bits=12", "instruments.daq.full_scale=5 V", f"{CURRENT}=auto")
    fine, coarse = (parse_quantity(str(chosen("iris.yaml", *each)[CURRENT])).value for each in (coarse[2:], coarse))
    assert coarse > 0.5 * fine


def test_the_current_follows_the_board_that_is_there() -> None:
    """Parts of twice the nominal conductance, of which the configuration knows nothing, need twice the current."""
    edges = ", ".join(f"{{wrong_part: {{in{i}-out{o}: 2}}}}" for i in range(10) for o in range(3))
    nominal, doubled = (
        parse_quantity(
            str(chosen("iris.yaml", "simulation.preset=ideal", "learning.error.current=auto", *more)[CURRENT])
        )
        for more in ((), (f"simulation.miswired=[{edges}]",))
    )
    assert doubled.value / nominal.value == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("coupled_learning", "auto needs the gradient of the loss, but coupled_learning does not measure it"),
        ("exact_adjoint", "auto needs the gradient of the loss, but exact_adjoint does not measure it"),
        ("finite_difference", "as this rule injects none"),
    ],
)
def test_a_rule_from_which_nothing_can_be_chosen_is_refused(rule: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        chosen("divider.yaml", f"learning.rule={rule}", "learning.error.current=auto")


def test_an_update_without_a_rate_has_none_chosen() -> None:
    with pytest.raises(ConfigError, match="'update: sign' does not use the rate; write any number"):
        assemble(Path("divider.yaml"), ["learning.update=sign", "learning.rate=auto"])
    assert "learning.error.current" in chosen("divider.yaml", "learning.update=sign", "learning.error.current=auto")


def test_choosing_stops_when_it_is_told_to_and_leaves_no_folder(tmp_path: Path) -> None:
    calls = iter([False, False, True])
    with pytest.raises(KeyboardInterrupt):
        train(assemble(Path("iris.yaml"), ALL), run_dir=tmp_path / "run", stop=lambda: next(calls))
    assert not (tmp_path / "run").exists()


def test_where_no_run_can_be_written_nothing_is_measured(tmp_path: Path) -> None:
    def opened(rig: Rig) -> Rig:
        raise AssertionError("a rig was opened")

    with pytest.raises(ConfigError, match="exists already"):
        train(assemble(Path("iris.yaml"), ALL), run_dir=tmp_path, opened=opened)


@pytest.mark.parametrize(
    "command", [["certify", "divider.yaml", "--descent", "3"], ["compare-rules", "divider.yaml", "--rules", "chopped"]]
)
def test_nothing_else_trains_at_provisional_values(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--seeds", "1"] if command[0] == "compare-rules" else []
    assert main([*command, *more, "--set", "learning.rate=auto"]) == 3
    assert "learning.rate is auto, but" in capsys.readouterr().err


def test_another_mistake_is_reported_as_without_auto() -> None:
    with pytest.raises(ConfigError, match=r"unknown key 'epoch'; did you mean 'epochs'(.*\n)*1 problem"):
        assemble(Path("iris.yaml"), [*ALL, "learning.epoch=3"])


@pytest.mark.more
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
