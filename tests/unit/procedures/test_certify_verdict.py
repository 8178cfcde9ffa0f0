"""The verdict on constructed gradients: bias, noise, instruments, single edges and their causes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labrig.learning.gradient import Gradient
from labrig.procedures.certify import Certificate, ExampleCertificate, Verdict, judge
from labrig.procedures.certify.adjoint import Adjoint
from labrig.procedures.certify.bias import bias, cosine, relative_error, slope
from labrig.procedures.certify.differences import Differences
from labrig.procedures.certify.verdict import Limit
from labrig.procedures.gamma_sweep import Sweep

EDGES, EXAMPLES = 40, 4
NO_SWEEP = Sweep(np.zeros(0), np.zeros(0), np.zeros(0, dtype=bool), None, None)
EXACT = np.random.default_rng(1).normal(size=(EXAMPLES, EDGES))


def certificate(
    gradient=EXACT,
    differences=EXACT,
    *,
    noise=0.0,
    systematic=0.0,
    off=0.0,
    tolerance=0.0,
    exact=True,
    repeats=4,
    seed=0,
) -> Certificate:
    """A certificate of gradients with noise (of one repeat) and a stated systematic part. off: noise of differences."""
    draw = np.random.default_rng(seed)

    def example(k: int) -> ExampleCertificate:
        flat = np.ones(EDGES)
        measured = [
            Gradient(gradient[k] + noise * draw.normal(size=EDGES), noise * flat, systematic * flat, 1.0)
            for _ in range(repeats)
        ]
        value = differences[k] + off * draw.normal(size=EDGES)
        adjoint = Adjoint(EXACT[k], np.zeros((1, EDGES)), np.abs(EXACT[k])) if exact else None
        return ExampleCertificate(
            str(k), tuple(measured), Differences(value, off * flat, 0 * flat, tolerance * np.abs(value)), adjoint
        )

    return Certificate(
        edges=tuple(f"e{k}" for k in range(EDGES)),
        interior=np.ones(EDGES, dtype=bool),
        examples=tuple(example(k) for k in range(EXAMPLES)),
        sweep=NO_SWEEP,
        null_b_max=0.0,
        bound=0.01,
        most_repeats=64,
        current_a=1e-6,
    )


def changed(*columns: int, to) -> np.ndarray:
    gradient = EXACT.copy()
    gradient[:, list(columns)] = to
    return gradient


def test_two_percent_without_noise_fail_and_half_a_percent_passes():
    found = judge(certificate(1.02 * EXACT))
    assert found.verdict is Verdict.WRONG
    assert "1.020 times" in found.hints[0]
    assert "error current" in found.hints[0]
    assert judge(certificate(1.005 * EXACT)).verdict is Verdict.RIGHT
    assert certificate(1.005 * EXACT).bias.estimate == pytest.approx(0.005)


def test_a_right_gradient_that_no_difference_confirms_is_a_matter_of_the_parts_or_of_the_loss():
    scattered = EXACT * np.random.default_rng(7).uniform(0.5, 1.5, EDGES)
    found = judge(certificate(EXACT, scattered, off=0.001))
    assert found.verdict is Verdict.WRONG
    (hint,) = found.hints
    assert "settings change the measured loss by other amounts" in hint
    assert "labrig calibrate" in hint


def test_two_percent_off_that_instruments_may_explain_are_unresolved():
    found = judge(certificate(1.02 * EXACT, systematic=0.01))
    assert (found.verdict, found.limit) == (Verdict.UNRESOLVED, Limit.INSTRUMENTS)
    assert judge(certificate(1.02 * EXACT, systematic=0.003)).verdict is Verdict.WRONG


def test_a_right_gradient_with_coarse_instruments_passes_and_says_how_well_it_is_known():
    draw = np.random.default_rng(5)
    found = certificate(EXACT + 0.004 * draw.normal(size=EXACT.shape), systematic=0.1)
    assert judge(found).verdict is Verdict.RIGHT
    assert found.figures()["instruments"] == pytest.approx(0.1 * np.sqrt(EXACT.size) / np.linalg.norm(EXACT))
    assert found.figures()["bias_interval"][1] < 0.01


def test_instruments_that_state_more_than_half_of_the_gradient_say_nothing():
    found = judge(certificate(-EXACT, systematic=1.0))
    assert (found.verdict, found.limit) == (Verdict.UNRESOLVED, Limit.INSTRUMENTS)


def test_a_larger_current_is_advised_with_its_size():
    coarse = replace(certificate(1.04 * EXACT, systematic=0.04), largest_a=1e-4)
    share = coarse.instruments
    assert f"use a larger learning.error.current: {1e6 * float(f'{1e-6 * share / 0.01:.2g}'):.4g} µA may be enough" in (
        judge(coarse).hints
    )
    assert "up to 2 µA: the sources, or limits.node, allow no more" in judge(replace(coarse, largest_a=2e-6)).hints[1]
    assert not any("larger learning.error" in hint for hint in judge(replace(coarse, largest_a=1.1e-6)).hints)
    currents, all_resolved = np.array([1e-7, 1e-6, 1e-5]), np.array([True, True])
    size = float(np.linalg.norm(EXACT[0]))
    nonlinear = Sweep(currents, np.array([1e-3, 0.1]) * size, all_resolved, 2.0, (1.9, 2.1))
    hints = judge(replace(coarse, sweep=nonlinear)).hints
    assert "use a larger learning.error.current, up to 2 µA: beyond it nonlinear parts bias the gradient" in hints
    rounded = Sweep(currents, np.array([1.0, 0.1]) * size, all_resolved, -1.0, (-1.2, -0.8))
    assert rounded.share_at(1e-6, EXACT[0]) == 0
    assert any("may be enough" in hint for hint in judge(replace(coarse, sweep=rounded)).hints)


def test_noise_leaves_it_open_and_repeats_settle_it():
    few = certificate(noise=0.1)
    found = judge(few)
    assert (found.verdict, found.limit) == (Verdict.UNRESOLVED, Limit.NOISE)
    assert found.hints[0].startswith("try --repeats ")
    many = certificate(noise=0.1, repeats=400)
    assert judge(many).verdict is Verdict.RIGHT
    assert many.bias.noise < few.bias.noise / 8


def with_reference(found: Certificate, exact: np.ndarray, measured: np.ndarray) -> Certificate:
    """The same certificate without noise, of another gradient, with differences that agree with the exact one."""
    flat = np.zeros(EDGES)
    examples = tuple(
        ExampleCertificate(
            example.name,
            tuple(Gradient(measured[k], flat, flat) for _ in range(4)),
            Differences(exact[k], flat, flat, flat),
            Adjoint(exact[k], np.zeros((1, EDGES)), np.abs(exact[k])),
        )
        for k, example in enumerate(found.examples)
    )
    return replace(found, examples=examples)


def test_edges_whose_gradient_is_zero_are_no_failure():
    zero = EXACT.copy()
    zero[:, :5] = 0.0
    measured = zero.copy()
    measured[:, :5] = 1e-12
    assert judge(with_reference(certificate(), zero, measured)).verdict is Verdict.RIGHT


def test_a_reference_of_zero_is_unresolved():
    zero = np.zeros_like(EXACT)
    assert judge(with_reference(certificate(), zero, zero)).limit is Limit.NO_GRADIENT


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_wrong_edges_are_named_with_their_cause(noise):
    def causes(gradient, differences=EXACT):
        found = judge(certificate(gradient, differences, noise=noise))
        assert found.verdict is Verdict.WRONG
        return {edge.name: (edge.cause, edge.other) for edge in found.wrong_edges}

    assert causes(changed(3, to=-EXACT[:, [3]])) == {"e3": ("sign", None)}
    assert causes(changed(3, to=0.0)) == {"e3": ("no_signal", None)}
    assert causes(changed(3, to=1.5 * EXACT[:, [3]]))["e3"][0] == "scaled"
    swapped = changed(3, 9, to=EXACT[:, [9, 3]])
    assert causes(swapped) == {"e3": ("swapped", "e9"), "e9": ("swapped", "e3")}
    # Each channel should set its own edge: what the differences say of it.
    assert causes(EXACT, swapped) == {"e3": ("swapped", "e9"), "e9": ("swapped", "e3")}
    assert causes(EXACT, changed(7, to=0.0)) == {"e7": ("no_response", None)}
    assert causes(EXACT, changed(7, to=-EXACT[:, [7]])) == {"e7": ("sign", None)}


def test_a_wrong_edge_with_most_of_the_gradient_is_named_too():
    large = EXACT.copy()
    large[:, 3] *= 20
    flipped = large.copy()
    flipped[:, 3] *= -1
    found = judge(with_reference(certificate(), large, flipped))
    assert [(edge.name, edge.cause) for edge in found.wrong_edges] == [("e3", "sign")]


def test_a_small_edge_with_the_wrong_sign_fails_though_the_whole_bias_is_below_the_bound():
    small = EXACT.copy()
    small[:, 3] *= 0.02
    flipped = small.copy()
    flipped[:, 3] *= -1
    found = with_reference(certificate(), small, flipped)
    assert found.bias.interval[1] < 0.01
    assert [edge.name for edge in judge(found).wrong_edges] == ["e3"]


def test_differences_that_are_too_coarse_leave_it_open():
    found = judge(certificate(EXACT, 1.1 * EXACT, tolerance=0.1, exact=False))
    assert (found.verdict, found.limit) == (Verdict.UNRESOLVED, Limit.DIFFERENCES)
    assert "too coarse" in found.reason
    assert judge(certificate(off=1e-3, exact=False)).verdict is Verdict.RIGHT
    # With the exact gradient as well, they must still show that each channel sets its own edge.
    found = judge(certificate(off=5.0))
    assert (found.verdict, found.limit) == (Verdict.UNRESOLVED, Limit.DIFFERENCES)


def test_right_boards_fail_less_than_one_in_a_hundred():
    verdicts = [judge(certificate(noise=0.02, off=0.05, tolerance=0.0, seed=seed)).verdict for seed in range(300)]
    assert verdicts.count(Verdict.WRONG) <= 3
    assert verdicts.count(Verdict.RIGHT) > 250


def test_noise_that_edges_share_is_no_bias():
    """Noise of one channel moves many edges: the sum of their variances is as before, its scatter is larger."""
    draw = np.random.default_rng(8)
    reference = EXACT
    estimates = []
    for _ in range(400):
        common = draw.normal(size=(EXAMPLES, 4, 1)) * np.abs(EXACT[:, np.newaxis]) * 0.05
        found = bias(reference[:, np.newaxis] + common, reference)
        estimates.append(found.interval[0] > 0)
    assert np.mean(estimates) < 0.02


def test_the_interval_covers_the_bias():
    draw = np.random.default_rng(9)
    inside = []
    for _ in range(400):
        deviation = 0.01 * np.linalg.norm(EXACT) / np.sqrt(EXACT.size) * np.sign(draw.normal(size=EXACT.shape))
        measured = EXACT[:, np.newaxis] + deviation[:, np.newaxis] + 0.05 * draw.normal(size=(EXAMPLES, 8, EDGES))
        low, high = bias(measured, EXACT).interval
        inside.append(low <= 0.01 <= high)
    assert np.mean(inside) > 0.98


def test_cosine_slope_and_error_by_hand():
    assert cosine(np.array([1.0, 0.0]), np.array([3.0, 4.0])) == pytest.approx(0.6)
    assert slope(np.array([2.0, 4.0]), np.array([1.0, 2.0])) == pytest.approx(2.0)
    assert relative_error(np.array([3.0, 5.0]), np.array([3.0, 4.0])) == pytest.approx(0.2)
    zero = np.zeros(2)
    assert (cosine(zero, zero), slope(zero, zero), relative_error(zero, zero)) == (0.0, 0.0, 0.0)
