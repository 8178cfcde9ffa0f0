"""A self-test names what is wired wrongly, with the pin, and leaves a healthy board as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trials import quick
from unit.rig.benches import Wrapper, setup_with

from labrig.assembly import assemble
from labrig.cli.main import main
from labrig.errors import ChannelFault, Overrange
from labrig.procedures.selftest import selftest
from labrig.procedures.selftest.experiments import planned

CASES = [
    ("swap: [in3, in4]", {"daq/3", "daq/4"}),
    ("swap_edges: [in0-out1, in3-out2]", {"pots/1", "pots/11"}),
    ("short: [in2, out0]", {"in2", "out0"}),
    ("stuck: in5-out1", {"pots/16"}),
    ("dead: in6", {"awg/6"}),
]

MORE_CASES = [
    ("swap_drive: [in0, in7]", {"awg/0", "awg/7"}),
    ("open: out1", {"daq/11"}),
    ("inverted: out2", {"daq/12"}),
    ("wrong_resistor: {in1: 4.7 kΩ}", {"awg/1", "4.7 kΩ"}),
    ("wrong_part: {in8-out0: 10}", {"pots/24"}),
]


@pytest.mark.parametrize(
    ("miswired", "pins"),
    quick(3, (*CASES, *MORE_CASES)),
    ids=[case.partition(":")[0] for case, _ in (*CASES, *MORE_CASES)],
)
def test_a_fault_is_named_with_its_pins(miswired: str, pins: set[str]) -> None:
    assembly = assemble(Path("iris.yaml"), [f"simulation.miswired=[{{{miswired}}}]", "seed=12"])
    with assembly.open_rig() as rig:
        found = selftest(assembly, rig)
    assert found.verdict == "faulty"
    (finding,) = found.findings
    assert finding.fault.key == miswired.partition(":")[0]
    assert all(pin in finding.remedy for pin in pins)


@pytest.mark.more
@pytest.mark.parametrize(("miswired", "pins"), [("", set()), ("{swap: [in0, out0]}", {"in0", "out0", "daq/0"})])
def test_steps_coarser_than_noise_are_no_fault_and_hide_none(miswired: str, pins: set[str]) -> None:
    coarse = ["instruments.daq.bits=12", "instruments.daq.full_scale=5 V"]
    assembly = assemble(Path("iris.yaml"), [*coarse, f"simulation.miswired=[{miswired}]", "seed=12"])
    with assembly.open_rig() as rig:
        found = selftest(assembly, rig)
    assert found.verdict == ("faulty" if miswired else "healthy")
    assert len(found.findings) == bool(miswired)
    assert all(pin in found.findings[0].remedy for pin in pins)


@pytest.mark.parametrize(
    ("miswired", "key"), quick(2, [("", None), ("{open: pilot}", "open"), ("{inverted: out0}", "inverted")])
)
def test_a_board_whose_activation_is_a_tone(miswired: str, key: str | None) -> None:
    assembly = assemble(Path("sine.yaml"), [f"simulation.miswired=[{miswired}]"])
    with assembly.open_rig() as rig:
        found = selftest(assembly, rig)
    assert found.verdict == ("faulty" if key else "healthy")
    assert [each.fault.key for each in found.findings] == ([key] if key else [])


@pytest.mark.more
def test_of_two_faults_each_is_named_once() -> None:
    assembly = assemble(Path("sine.yaml"), ["simulation.miswired=[{open: out0}, {stuck: in1-out1}]"])
    with assembly.open_rig() as rig:
        found = selftest(assembly, rig)
    assert {repr(each.fault) for each in found.findings} == {"open out0", "stuck in1-out1"}


def test_a_healthy_board_is_left_as_it_was() -> None:
    assembly = assemble(Path("iris.yaml"), ["seed=3"])
    with assembly.open_rig() as rig:
        rig.program(assembly.update(rig).settings())
        before = rig.read_back()
        found = selftest(assembly, rig)
        assert rig.read_back() == before
        assert rig.wiring_trusted
    assert (found.verdict, found.findings) == ("healthy", ())


@pytest.mark.more
def test_what_no_fault_explains_is_said_to_be_unexplained() -> None:
    everything = "{swap: [in0, out1]}, {swap: [in2, in3]}, {swap_drive: [in4, in5]}, {inverted: in6}, {stuck: in1-out0}"
    assembly = assemble(Path("iris.yaml"), [f"simulation.miswired=[{everything}, {{short: [in7, in8]}}]"])
    with assembly.open_rig() as rig:
        found = selftest(assembly, rig)
    assert found.verdict == "unexplained"
    assert found.left > 3


def test_the_exit_code_is_7_and_json_names_the_fault(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", "iris.yaml", "--set", "simulation.miswired=[{open: in2}]", "--json"]) == 7
    line = json.loads(capsys.readouterr().out)
    assert (line["verdict"], line["faults"][0]["kind"], line["faults"][0]["at"]) == ("faulty", "open", ["in2"])
    assert main(["selftest", "iris.yaml"]) == 0


def test_another_physics_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", "elastic_allostery.yaml"]) == 2
    assert "selftest can only test boards of resistors and diodes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{swop: [in3, in4]}", "'swop' is not one of 'swap'"),
        ("{swap: in3}", "swap takes a list of two names, e.g. swap: [in0, in1]"),
        ("{swap: [in3, in3]}", "swap needs two different names, got in3 twice"),
        ("{open: in77}", "there is no sensed node in77"),
        ("{wrong_resistor: {in3: 1 kHz}}", "expected a resistance above 0"),
        ("{wrong_part: {in0-out0: -1}}", "expected a number above 0"),
        ("{swap: [in3, in4], open: in2}", "write one miswiring in each entry"),
        ("{open:in2}", "if you meant 'open', write a space after the colon: 'open: in2'"),
    ],
)
def test_mistakes(written: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "iris.yaml", "--set", f"simulation.miswired=[{written}]"]) == 3
    assert message in capsys.readouterr().err.replace("'in3'", "in3").replace("'in77'", "in77")


def test_no_two_edges_have_the_same_history() -> None:
    _, high = planned(4, 3, 100, 1.0, np.random.default_rng(0))
    assert len({tuple(column) for column in high[1:].T.tolist()}) == 100


def test_after_an_error_the_settings_are_written_back(monkeypatch: pytest.MonkeyPatch) -> None:
    assembly = assemble(Path("iris.yaml"), ["seed=3"])
    with assembly.open_rig() as rig:
        rig.program(assembly.update(rig).settings())
        before, measure, made = rig.read_back(), rig.measure, iter(range(30))

        def measured(*arguments: Any, **more: Any) -> Any:
            if next(made) == 20:
                raise Overrange("clipped at in0", device="daq", action="measure")
            return measure(*arguments, **more)

        monkeypatch.setattr(rig, "measure", measured)
        with pytest.raises(Overrange):
            selftest(assembly, rig)
        assert rig.read_back() == before
        assert rig.wiring_trusted


def test_a_channel_that_does_not_hold_its_setting_is_an_error_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assembly = assemble(Path("iris.yaml"), [])
    with assembly.open_rig() as rig:
        program = rig.program
        monkeypatch.setattr(rig, "program", lambda settings: replace(program(settings), faulty=("pots/7",)))
        with pytest.raises(ChannelFault, match="pots/7 did not keep the value that was written"):
            selftest(assembly, rig)


class Miswired(Wrapper):
    """A programmer outside labrig's simulation of miswirings: two channels exchanged, and one that never moves."""

    def __init__(self, inner: Any, exchanged: dict[str, str], stuck: tuple[str, ...] = ()) -> None:
        super().__init__(inner)
        self.exchanged, self.stuck = exchanged, stuck

    def program(self, settings: Any) -> Any:
        there = {self.exchanged.get(c, c): each for c, each in settings.items() if c not in self.stuck}
        report = self.inner.program(there)
        return replace(report, written=tuple(settings), verified=tuple(settings), read_back=dict(settings))


@pytest.mark.parametrize(
    ("exchanged", "stuck", "fault", "edges"),
    [
        ({"4": "20", "20": "4"}, (), "swap_edges", {"in1-out1", "in6-out2"}),
        pytest.param({}, ("11",), "stuck", {"in3-out2"}, marks=pytest.mark.more),
    ],
)
def test_a_programmer_that_is_wrong_by_itself(
    exchanged: dict[str, str], stuck: tuple[str, ...], fault: str, edges: set[str]
) -> None:
    """The faults are not made by the classes that selftest takes its hypotheses from."""
    assembly = assemble(Path("iris.yaml"), ["seed=5"])
    setup = setup_with(assembly, pots=lambda inner: Miswired(inner, exchanged, stuck))
    with setup.rig as rig:
        found = selftest(assembly, rig)
    (finding,) = found.findings
    assert (finding.fault.key, set(finding.fault.names)) == (fault, edges)
