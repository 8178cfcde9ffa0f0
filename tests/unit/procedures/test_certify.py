"""The certificate: passes on a right gradient, fails on a wrong one, and its parts by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from unittest.mock import patch

import numpy as np
import pytest
from unit.rig.benches import Wrapper, assembled, bench_with, setup_with
from unit.rig.saboteurs import FlippedTones

from labrig.assembly import packaged_configs
from labrig.cli.main import main
from labrig.errors import ChannelFault, ConnectionFailed
from labrig.procedures.certify import Certificate, Verdict, certify, judge
from labrig.procedures.gamma_sweep import SWEEP, sweep_gamma


@cache
def certificate(name: str, *overrides: str, examples: tuple[int, ...] = (1,), repeats: int = 4) -> Certificate:
    assembly = assembled(name, *overrides)
    setup = assembly.setup()
    with setup.rig as rig:
        return certify(
            assembly.probe(rig, update := assembly.update(rig)), update, setup.bench.truth, examples, repeats
        )


@pytest.mark.parametrize("moment", ["time: 100 ms", "acquisition: 2"])
def test_a_bank_that_is_reset_meanwhile_gives_no_certificate(moment):
    with pytest.raises(ChannelFault, match="settings were lost"):
        certificate("divider", f"simulation.faults=[{{what: reset, where: pots, {moment}}}]", examples=(0,))


def test_a_source_that_was_lost_meanwhile_gives_no_certificate():
    with (
        patch("labrig.simulation.faces.SimulatedSource.confirm", side_effect=ConnectionFailed("was lost meanwhile")),
        pytest.raises(ConnectionFailed, match="was lost meanwhile"),
    ):
        certificate("divider", "seed=7", examples=(0,))


@pytest.mark.more
def test_xor_on_an_ideal_rig():
    found = certificate("xor", "simulation.preset=ideal", examples=(0, 1, 2, 3))
    figures = found.figures()
    assert judge(found).verdict is Verdict.RIGHT
    assert figures["bias_interval"][1] < 1e-6
    for reference in ("adjoint", "difference"):
        assert figures[f"cosine_{reference}"] >= 0.9999
        assert figures[f"relative_error_{reference}"] <= 1e-3
    assert figures["slope"] == pytest.approx(1.0, abs=1e-3)
    assert 1.9 < figures["gamma_exponent"] < 2.1
    low, high = figures["gamma_exponent_interval"]
    assert low < figures["gamma_exponent"] < high < 2.2
    assert figures["null_b_max_v"] < 1e-12
    # 36 input → hidden edges touch no output; a few may have no gradient worth judging.
    assert found.interior.sum() == 36
    assert figures["interior_judged"] >= 0.9 * 4 * 36
    assert figures["sign_right"] == figures["edges_judged"]
    assert [example["name"] for example in figures["examples"]] == ["00", "01", "10", "11"]
    assert figures["batch"]["cosine_reference"] > 0.9999
    json.dumps(figures)


@pytest.mark.more
def test_the_worst_example_speaks_for_all():
    figures = certificate("xor", "simulation.preset=ideal", examples=(0, 1, 2, 3)).figures()
    for name, worst in (("cosine_adjoint", min), ("relative_error_adjoint", max), ("relative_error_difference", max)):
        assert figures[name] == worst(example[name] for example in figures["examples"])


def test_a_linear_network_departs_by_nothing_that_can_be_resolved():
    for overrides in (("simulation.preset=ideal",), ("learning.activation=sine", "simulation.preset=ideal")):
        found = certificate("iris", *overrides, examples=(0,))
        assert judge(found).verdict is Verdict.RIGHT
        assert found.sweep.exponent is None
        assert found.sweep.interval is None
        assert found.figures()["gamma_exponent"] is None
        assert found.figures()["cosine_adjoint"] > 0.9999


def test_every_edge_is_put_back():
    assembly = assembled("xor")
    setup = assembly.setup()
    with setup.rig as rig:
        update = assembly.update(rig)
        rig.program(update.settings())
        before = setup.bench.truth.conductances()
        certify(assembly.probe(rig, update), update, setup.bench.truth, [0], 1)
        np.testing.assert_array_equal(setup.bench.truth.conductances(), before)
        np.testing.assert_array_equal(rig.siemens, update.conductances)


def test_a_board_with_levels_noise_and_errors_is_certified():
    found = certificate("iris")
    assert judge(found).verdict is Verdict.RIGHT
    figures = found.figures()
    assert figures["cosine_difference"] > 0.95
    assert figures["confirmed_edges"] == 30
    assert figures["bias"] <= figures["bias_interval"][1] < 0.01


@pytest.mark.more
def test_sine_with_diodes_fails_for_its_harmonics():
    found = certificate("xor", "learning.activation=sine", "simulation.preset=ideal", examples=(0, 1, 2, 3))
    judgement = judge(found)
    assert judgement.verdict is Verdict.WRONG
    assert found.bias.interval[0] > 0.03
    assert any("harmonics" in hint for hint in judgement.hints)
    # The differences are those of the amplitudes too: they agree with the exact gradient, not with the measured one.
    assert np.linalg.norm(found.differences - found.reference) < 1e-4 * np.linalg.norm(found.reference)


def test_against_differences_alone_an_ideal_board_is_right_and_parts_of_unknown_size_leave_it_open():
    for preset, verdict in (("ideal", Verdict.RIGHT), ("typical", Verdict.UNRESOLVED)):
        assembly = assembled("divider", f"simulation.preset={preset}")
        with assembly.open_rig() as rig:
            update = assembly.update(rig)
            found = certify(assembly.probe(rig, update), update, None, [0])
        judgement = judge(found)
        assert judgement.verdict is verdict
        assert not found.exact
    assert "too coarse" in judgement.reason
    assert "tolerance" in judgement.hints[0]


def test_it_repeats_until_noise_is_no_limit():
    found = certificate("xor", examples=(0,))
    assert 4 < found.repeats <= 64
    assert found.figures()["most_repeats"] == 64


def test_one_edge_with_the_wrong_sign_is_named():
    assembly = assembled("xor", "simulation.preset=ideal")
    setup = assembly.setup()
    with setup.rig as rig:
        update, measure = assembly.update(rig), rig.measure

        def flipped(*arguments, **keywords):
            response = measure(*arguments, **keywords)
            return replace(response, b=response.b * np.where(np.arange(48) == 17, -1.0, 1.0))

        rig.measure = flipped
        found = judge(certify(assembly.probe(rig, update), update, setup.bench.truth, [1]))
        assert [(edge.name, edge.cause) for edge in found.wrong_edges] == [(rig.edges[17], "sign")]


def test_repeats_reduce_the_standard_error_by_their_root():
    four, many = (certificate("iris", repeats=repeats).examples[0] for repeats in (4, 36))
    ratio = np.linalg.norm(four.measured.standard_error) / np.linalg.norm(many.measured.standard_error)
    assert ratio == pytest.approx(3.0, rel=0.1)


def test_repeats_for_five_percent_follow_from_the_noise():
    found = certificate("iris", repeats=9)
    relative = np.linalg.norm(found.batch.standard_error) / np.linalg.norm(found.batch.value)
    assert found.repeats_for_batch == max(1, int(np.ceil(9 * (relative / 0.05) ** 2)))


def test_a_rig_with_the_sign_flipped_is_not_certified(capsys):
    bench = bench_with({"awg": lambda source: FlippedTones(source, {"6", "7"})})
    arguments = ["certify", str(packaged_configs() / "xor.yaml"), "--examples", "01", "--json"]
    with patch("labrig.assembly.benches.simulated.SimulatedBench", bench):
        assert main(arguments) == 5
        assert "in the direction opposite to its current" in capsys.readouterr().err
        assert main([*arguments, "--set", "limits.misread=100 %"]) == 7
    figures = json.loads(capsys.readouterr().out)
    assert figures["passed"] is False
    assert figures["cosine_adjoint"] < -0.9
    assert figures["cosine_difference"] < -0.9
    assert figures["sign_right"] < 0.1 * figures["edges_judged"]
    assert any("every edge has the wrong sign" in hint for hint in figures["hints"])
    assert main(arguments) == 0


def test_the_sweep_begins_where_the_sources_can_play_the_error():
    """A source that rounds amplitudes to 10 mV: the low rungs of the ladder are nothing that it can play."""

    def coarse(program):
        return replace(program, tones=tuple(replace(t, amplitude=round(t.amplitude, 2)) for t in program.tones))

    class Coarse(Wrapper):
        def load(self, programs):
            return self.inner.load({channel: coarse(program) for channel, program in programs.items()})

    assembly = assembled("iris_wire", "bench=simulated", "learning.temperature=50 mV")
    setup = setup_with(assembly, err1=Coarse, err2=Coarse)
    with setup.rig as rig:
        rig.program(assembly.update(rig).settings())
        sweep = sweep_gamma(assembly.probe(rig, assembly.update(rig)), 0)
    assert 2 <= len(sweep.current_a) < len(SWEEP)
    assert sweep.exponent is None  # what rounding leaves is no departure of a linear board
