"""Every rule against what it should measure: by hand, by the exact gradient, and by its own stated uncertainty."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from unit.rig.benches import assembled

from labrig.errors import ConfigError, LimitExceeded
from labrig.learning.contrast import contrast
from labrig.learning.gradient import Gradient
from labrig.learning.measurement import Excitation
from labrig.learning.rules import RULES
from labrig.learning.rules.frequency_propagation import FrequencyPropagation
from labrig.learning.rules.parameter_dither import patterns
from labrig.testing.rules import check_rule, examine_rule

PROPAGATION = ("frequency_propagation", "half_squares", "richardson", "chopped", "equilibrium_propagation")
LONG_STEP = "limits.step=60 s"


def measured(name: str, rule: str, *overrides: str, example: int = 1, preset: str = "ideal"):
    """What a rule measures of one example, its probe, and the exact gradient."""
    rule, *options = rule.split("/")
    chosen = (f"learning.rule={rule}", *(f"learning.{option}" for option in options))
    assembly = assembled(name, f"simulation.preset={preset}", LONG_STEP, *chosen, *overrides)
    setup = assembly.setup()
    with setup.rig as rig:
        update = assembly.update(rig)
        rig.program(update.settings())
        probe = assembly.probe(rig, update)
        before = rig.acquisitions
        found = probe.gradient(example).gradient
        assert rig.acquisitions - before == probe.acquisitions
        loss, target = assembly.loss, assembly.task.target[example]
        exact = setup.bench.truth.gradient(assembly.task.activation[example], lambda v: loss.gradient(v, target))
        siemens = setup.bench.truth.conductances()
    return SimpleNamespace(value=found.value, found=found, exact=exact, assembly=assembly, siemens=siemens)


def off(found) -> float:
    return float(np.linalg.norm(found.value - found.exact) / np.linalg.norm(found.exact))


@pytest.mark.parametrize("rule", PROPAGATION)
def test_on_a_linear_board_two_signals_give_the_gradient(rule):
    assert off(measured("iris", rule)) < 1e-9


@pytest.mark.parametrize(("rule", "within"), [("finite_difference", 2e-3), ("parameter_dither", 1e-2)])
def test_changed_settings_give_the_gradient_up_to_the_steps(rule, within):
    assert off(measured("iris", rule)) < within


def test_extrapolation_removes_the_error_of_order_gamma_squared():
    larger = "learning.error.current=20 µA"
    assert off(measured("xor", "frequency_propagation", larger)) > 1e-5
    assert off(measured("xor", "richardson", larger)) < 1e-7


def test_half_squares_and_centred_propagation_are_off_by_gamma_squared():
    for rule in ("half_squares", "equilibrium_propagation"):
        ratio = off(measured("xor", rule, "learning.error.current=10 µA")) / off(measured("xor", rule))
        assert ratio == pytest.approx(100, rel=0.1)


def test_a_one_sided_nudge_is_off_by_beta():
    rule = "equilibrium_propagation/nudge=one_sided"
    ratio = off(measured("iris", rule, "learning.error.current=10 µA")) / off(measured("iris", rule))
    assert ratio == pytest.approx(10, rel=0.01)


@pytest.mark.parametrize("name", ["iris", "regression"])
def test_the_clamped_contrast_is_that_of_a_board_whose_outputs_are_held(name):
    found = measured(name, "coupled_learning/eta=0.2")
    assembly, eta = found.assembly, 0.2
    network, hookup, task, loss = assembly.board.network, assembly.board.hookup, assembly.task, assembly.loss
    solver = network.equilibrium()
    solver.set_parameters(found.siemens)
    place = {source.node: row for row, source in enumerate(network.sources)}
    outputs = [network.nodes.index(wire.node) for wire in hookup.outputs]
    played = np.zeros(len(network.sources))
    played[[place[wire.node] for wire in hookup.inputs]] = task.activation[1]
    free = solver.states(played)
    # The sources of the outputs are raised until the outputs are where they should be; the board is linear.
    each = np.array([solver.states(played + np.eye(len(played))[place[wire.node]]) for wire in hookup.outputs])
    moved = (each - free)[:, outputs].T
    scale = 2 * eta * loss.scale / loss.error_scale**2
    volts = np.linalg.solve(moved, -scale * loss.gradient(free[outputs], task.target[1]))
    clamped = free + volts @ (each - free)
    if name == "regression":  # squared error: v + η (y − v)
        np.testing.assert_allclose(clamped[outputs], free[outputs] + eta * (task.target[1] - free[outputs]))
    exact = (solver.drops(clamped) ** 2 - solver.drops(free) ** 2) / 2 / scale
    np.testing.assert_allclose(found.value, exact, rtol=1e-6, atol=1e-9 * np.abs(exact).max())


def test_chopping_removes_the_zeros_of_channels():
    zeros = ("simulation.digitizer_offset=10 mV",)
    assert off(measured("iris", "chopped", *zeros)) < 1e-9
    assert off(measured("iris", "frequency_propagation", *zeros)) > 1e-3


def test_patterns_are_orthogonal_and_balanced():
    for edges in (1, 3, 4, 30, 31, 32):
        signs = patterns(edges)
        assert signs.shape[1] == edges
        np.testing.assert_array_equal(signs.T @ signs, len(signs) * np.eye(edges))
        np.testing.assert_array_equal(signs.sum(axis=0), 0)


def test_zeros_that_both_readings_share_cancel_in_their_contrast():
    first = measured("iris", "equilibrium_propagation", "simulation.digitizer_offset=1 mV", preset="typical").found
    plain = measured("iris", "equilibrium_propagation", "simulation.digitizer_offset=0 V", preset="typical").found
    assert np.median(first.systematic / plain.systematic) < 5  # as two independent zeros it would be hundreds


def test_a_contrast_of_unlinked_readings_counts_both_zeros():
    one = {"u_a": np.full(2, 1e-4), "systematic_a": np.full(2, 1e-3), "shared": None, "constant_slope": None}
    found = contrast(
        SimpleNamespace(a=np.array([1.0, 2.0]), **one), SimpleNamespace(a=np.array([1.1, 2.0]), **one), 2.0
    )
    np.testing.assert_allclose(found.value, [0.21, 0.0])
    np.testing.assert_allclose(found.standard_error, 2 * np.array([np.hypot(1.0, 1.1), np.hypot(2, 2)]) * 1e-4)
    np.testing.assert_allclose(found.systematic[1], 2 * 2.0 * np.sqrt(2) * 1e-3)


@pytest.mark.parametrize(
    ("rule", "overrides", "message"),
    [
        ("equilibrium_propagation", ("learning.activation=sine",), "compares DC levels; write 'learning.activation"),
        ("coupled_learning", ("learning.activation=sine",), "compares DC levels"),
        ("chopped", ("learning.activation=sine",), "a sine needs no chopping"),
        ("half_squares", ("learning.activation=sine",), "amplitude_modulation"),
    ],
)
def test_what_a_rule_cannot_work_with_is_said(rule, overrides, message):
    with pytest.raises(ConfigError, match=message):
        assembled("regression", f"learning.rule={rule}", *overrides)


def test_a_clamp_that_its_source_cannot_hold_is_a_warning():
    assembly = assembled("regression", "learning.rule=coupled_learning", "learning.eta=1", "wiring.out0.through=4 MΩ")
    assert any("reduce its resistance 'through'" in str(warning) for warning in assembly.document.warnings)
    assembly = assembled("regression", "learning.rule=coupled_learning", "learning.eta=0.001")
    assert not any("to clamp" in str(warning) for warning in assembly.document.warnings)


def test_the_exact_gradient_is_known_to_its_own_rule_alone():
    found = measured("xor", "exact_adjoint")
    np.testing.assert_array_equal(found.value, found.exact)
    for rule in RULES.own:
        rig = assembled("iris", LONG_STEP, f"learning.rule={rule}").setup().rig
        assert (rig.truth is not None) == (rule == "exact_adjoint")


@pytest.mark.parametrize("bench", ["wire", "hardware"])
def test_the_exact_gradient_is_refused_where_something_is_measured(bench):
    with pytest.raises(ConfigError, match=f"exact_adjoint does not measure .* not with {bench}"):
        assembled("iris_wire", f"bench={bench}", "learning.rule=exact_adjoint")


QUICK = ("chopped",)
EVERY = (*PROPAGATION, "equilibrium_propagation/nudge=one_sided", "coupled_learning")


@pytest.mark.parametrize(
    "rule", [rule if rule in QUICK else pytest.param(rule, marks=pytest.mark.more) for rule in EVERY]
)
def test_a_rule_is_as_good_as_it_says(rule):
    check_rule(rule)


@pytest.mark.long
@pytest.mark.parametrize("rule", ["finite_difference", "parameter_dither"])
def test_a_rule_with_many_acquisitions_is_as_good_as_it_says(rule):
    check_rule(rule, boards=range(6))


class Uphill(FrequencyPropagation):
    """The sign is wrong."""

    def gradient(self, example, loss, carrier, edges):
        found = yield from super().gradient(example, loss, carrier, edges)
        return Gradient(-found.value, found.standard_error, found.systematic)


class Boastful(FrequencyPropagation):
    """The noise is half as large, it says."""

    def gradient(self, example, loss, carrier, edges):
        found = yield from super().gradient(example, loss, carrier, edges)
        return Gradient(found.value, found.standard_error / 2, found.systematic)


class Greedy(FrequencyPropagation):
    """It measures once more than it says."""

    def gradient(self, example, loss, carrier, edges):
        yield Excitation(example.activation)
        return (yield from super().gradient(example, loss, carrier, edges))


def test_a_rule_that_measures_more_often_than_it_states_is_found():
    with pytest.raises(AssertionError, match="makes 3 acquisitions for an example, but states 2"):
        check_rule(f"{__name__}:Greedy", boards=[0], examples=1)


def test_a_wrong_sign_and_a_wrong_uncertainty_are_found():
    with pytest.raises(AssertionError, match="goes uphill"):
        check_rule(f"{__name__}:Uphill", boards=[0])
    with pytest.raises(AssertionError, match="states wrong uncertainties"):
        check_rule(f"{__name__}:Boastful", boards=range(2))
    assert examine_rule("frequency_propagation", boards=[0]).cosine == pytest.approx(1.0)


def test_outputs_whose_steps_are_too_coarse_to_clamp_them_are_an_error():
    with pytest.raises(LimitExceeded, match="1 µA into each moves them by no more than noise or rounding"):
        measured("regression", "coupled_learning", "instruments.daq.bits=8", preset="typical")
