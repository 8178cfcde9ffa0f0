"""The planner against definitions spelled out by brute force, in `clean`, `in_band` and `on_mains` below."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product
from math import gcd

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labrig.errors import ConfigError
from labrig.signals.tone_planner import PlanError, TonePlan, check_repeats, check_tones, plan_tones, window_samples


def clean(n: int, cycles: tuple[int, ...], order: int) -> bool:
    """No product of order 2..order lands on DC or ± a tone, modulo n."""
    orders = range(-order, order + 1)
    m = np.array([m for m in product(orders, repeat=len(cycles)) if 2 <= sum(map(abs, m)) <= order])
    targets = [0, *cycles, *(n - k for k in cycles)]
    return not np.isin(m @ np.array(cycles) % n, targets).any()


def in_band(fs: float, n: int, band: tuple[float, float]) -> list[int]:
    return [k for k in range(1, n) if 2 * k < n and band[0] <= k * fs / n <= band[1]]


def on_mains(fs: float, n: int, k: int, mains: tuple[float, ...]) -> bool:
    frequency, half_bin = Fraction(k) * Fraction(fs) / n, Fraction(fs) / n / 2
    rate = Fraction(fs)
    sampled = [abs((h * Fraction(m) + rate / 2) % rate - rate / 2) for m in mains for h in range(1, 21)]
    return any(abs(frequency - each) < half_bin for each in sampled)


def best(n: int, allowed: list[int], count: int, order: int) -> tuple[int, int] | None:
    """(period, sum of cycles) of the best clean plan."""
    plans = [c for c in combinations(allowed, count) if clean(n, c, order)]
    return min(((n // gcd(n, *c), sum(c)) for c in plans), default=None)


@settings(max_examples=60)
@given(
    n=st.integers(8, 72),
    count=st.integers(1, 2),
    order=st.integers(2, 6),
    low=st.integers(0, 20),
    width=st.integers(5, 40),
    mains=st.sampled_from([(), (50.0,), (50.0, 60.0), (77.3,)]),
)
def test_the_plan_is_the_best_that_brute_force_finds(n, count, order, low, width, mains):
    fs = 100.0 * n
    band = (100.0 * low, 100.0 * (low + width))
    allowed = [k for k in in_band(fs, n, band) if not on_mains(fs, n, k, mains)]
    expected = best(n, allowed, count, order)
    request = {
        "sample_rate_hz": fs,
        "window_samples": n,
        "count": count,
        "band_hz": band,
        "order": order,
        "mains_hz": mains,
    }
    if expected is None:
        with pytest.raises(PlanError) as error:
            plan_tones(**request)
        assert error.value.remedy
    else:
        plan = plan_tones(**request)
        assert clean(n, plan.cycles, order)
        assert set(plan.cycles) <= set(allowed)
        assert (plan.period_samples, sum(plan.cycles)) == expected


@pytest.mark.parametrize(("n", "order"), [(40, 2), (48, 3), (60, 3)])
def test_three_tones_are_the_best_that_brute_force_finds(n, order):
    plan = plan_tones(sample_rate_hz=1.0 * n, window_samples=n, count=3, band_hz=(0, n), order=order, mains_hz=())
    assert (plan.period_samples, sum(plan.cycles)) == best(n, list(range(1, (n + 1) // 2)), 3, order)


def test_a_harmonic_beyond_half_the_sample_rate_is_avoided_where_it_appears():
    # At 1 kS/s the 11th harmonic of 60 Hz, 660 Hz, is read at 340 Hz.
    request = {"sample_rate_hz": 1e3, "window_samples": 200, "count": 1, "band_hz": (336.0, 344.0)}
    assert plan_tones(**request, mains_hz=()).frequencies_hz == (340.0,)
    with pytest.raises(PlanError, match="mains"):
        plan_tones(**request, mains_hz=(60.0,))


@pytest.mark.parametrize("n", [1000, 1600, 4096, 4999, 5040])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_plans_of_real_windows_are_clean_in_band_and_off_mains(n, count):
    fs, band = 50e3, (200.0, 2000.0)
    plan = plan_tones(sample_rate_hz=fs, window_samples=n, count=count, band_hz=band)
    assert clean(n, plan.cycles, 5)
    assert all(band[0] <= f <= band[1] for f in plan.frequencies_hz)
    assert not any(on_mains(fs, n, k, (50.0, 60.0)) for k in plan.cycles)
    assert list(plan.cycles) == sorted(set(plan.cycles))
    assert plan == plan_tones(sample_rate_hz=fs, window_samples=n, count=count, band_hz=band)


@given(st.integers(2, 5000).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.integers(1, n), min_size=1))))
def test_every_tone_repeats_after_the_period_and_no_earlier(case):
    n, cycles = case
    period = TonePlan(1e3, n, tuple(cycles)).period_samples
    repeats = np.arange(1, n + 1)
    repeats = repeats[(np.outer(repeats, cycles) % n == 0).all(axis=1)]
    assert repeats[0] == period


def test_frequencies_are_correctly_rounded():
    assert TonePlan(0.3, 3, (1,)).frequencies_hz == (float(Fraction(0.3) / 3),)
    assert TonePlan(50e3, 1000, (25, 40)).frequencies_hz == (1250.0, 2000.0)


def test_the_twentieth_mains_harmonic_is_refused_and_the_next_is_not():
    request = {"sample_rate_hz": 10e3, "window_samples": 200, "count": 1, "mains_hz": (50.0,)}
    assert plan_tones(band_hz=(1050.0, 1050.0), **request).frequencies_hz == (1050.0,)
    with pytest.raises(PlanError, match="can avoid mains: harmonics of 50 Hz") as error:
        plan_tones(band_hz=(1000.0, 1000.0), **request)
    assert error.value.remedy == "use a longer window, or mains: none"
    assert plan_tones(band_hz=(1000.0, 1000.0), **{**request, "mains_hz": ()}).frequencies_hz == (1000.0,)


def test_too_many_tones_are_told_the_window_that_holds_them_and_the_order_that_fits():
    request = {"sample_rate_hz": 1500.0, "count": 3, "band_hz": (200.0, 700.0)}
    with pytest.raises(PlanError, match="no 3 tones can avoid products up to order 5") as error:
        plan_tones(window_samples=45, **request)
    assert error.value.remedy == "use a window of 0.09 s, a wider band, or order: 2"
    assert plan_tones(window_samples=135, **request)
    assert plan_tones(window_samples=45, order=2, **request)
    with pytest.raises(PlanError):
        plan_tones(window_samples=45, order=3, **request)


def test_a_tone_exactly_half_a_bin_from_mains_is_admitted():
    plan = plan_tones(sample_rate_hz=2000.0, window_samples=100, count=1, band_hz=(60, 60), mains_hz=(50.0,))
    assert plan.frequencies_hz == (60.0,)
    with pytest.raises(PlanError, match="mains"):
        plan_tones(sample_rate_hz=2000.0, window_samples=100, count=1, band_hz=(60, 60), mains_hz=(50.1,))


@pytest.mark.parametrize(
    "change",
    [
        {"count": 0},
        {"order": 1},
        {"band_hz": (2000.0, 200.0)},
        {"band_hz": (float("nan"), 200.0)},
        {"sample_rate_hz": 0.0},
        {"window_samples": 0},
        {"band_hz": (30e3, 40e3)},
    ],
)
def test_requests_that_make_no_sense_are_refused(change):
    request = {"sample_rate_hz": 50e3, "window_samples": 1000, "count": 2, "band_hz": (200.0, 2000.0)}
    with pytest.raises(ConfigError):
        plan_tones(**{**request, **change})


def test_chosen_tones_keep_their_order():
    plan = check_tones(50e3, 1000, (2000.0, 1500.0), (200.0, 2000.0), order=5)
    assert plan.cycles == (40, 30)


@settings(max_examples=100)
@given(st.integers(10, 60), st.data())
def test_chosen_tones_are_refused_exactly_when_they_collide(n, data):
    cycles = tuple(data.draw(st.lists(st.integers(1, (n - 1) // 2), min_size=1, max_size=3, unique=True)))
    order = data.draw(st.integers(2, 5))
    tones = [float(k) for k in cycles]
    if clean(n, cycles, order):
        assert check_tones(float(n), n, tones, (0.0, float(n)), order).cycles == cycles
    else:
        with pytest.raises(PlanError, match=r"falls on (DC|f\d)"):
            check_tones(float(n), n, tones, (0.0, float(n)), order)


@pytest.mark.parametrize(
    ("tones", "message"),
    [
        ((1001.0,), r"f1 = 1001 Hz has 20\.02 cycles .*1000 Hz or 1050 Hz"),
        ((1000.0, 150.0), r"f2 = 150 Hz is outside the band"),
        ((26e3,), "Nyquist"),
        ((-1000.0,), "Nyquist"),
        ((1000.0, 1000.0), "f1 and f2 are the same tone"),
        ((500.0, 1000.0), r"2·f1 falls on f2 \(f1 = 500 Hz"),
        ((500.0, 750.0), r"3·f1 − f2 falls on f2 \(f1"),
        ((600.0, 900.0, 1050.0), r"falls on f[123] \("),
    ],
)
def test_what_is_wrong_with_a_chosen_tone_is_named(tones, message):
    with pytest.raises(PlanError, match=message):
        check_tones(50e3, 1000, tones, (200.0, 2000.0))


@pytest.mark.parametrize("window", [64, 128, 256, 512, 1280])
@pytest.mark.parametrize("count", [1, 2])
def test_tones_repeat_as_their_source_needs(window, count):
    plan = plan_tones(
        sample_rate_hz=2500.0, window_samples=window, count=count, band_hz=(100.0, 1200.0), order=3, repeats=256
    )
    assert 256 % plan.period_samples == 0
    assert check_repeats(plan, 256) is plan


def test_a_source_that_cannot_play_the_tones_is_named():
    with pytest.raises(PlanError, match=r"0 frequencies in .* repeat after 256 samples, .* in 250 samples") as error:
        plan_tones(sample_rate_hz=2500.0, window_samples=250, count=1, band_hz=(200.0, 1000.0), repeats=256)
    assert error.value.remedy is not None
    assert "a window of 0.4 s" in error.value.remedy
    with pytest.raises(PlanError, match="cannot play 300 Hz, because its tones repeat after 256 samples"):
        check_repeats(check_tones(2500.0, 250, (300.0,), (200.0, 1000.0)), 256)


def test_an_alias_is_called_one():
    with pytest.raises(PlanError, match=r"3·f1 falls on f1 as an alias"):
        check_tones(4000.0, 100, (1000.0,), (0.0, 2000.0), order=5)


def test_a_window_is_a_whole_number_of_samples():
    assert window_samples(50e3, 20e-3) == 1000
    assert window_samples(48e3, 0.1) == 4800
    with pytest.raises(PlanError, match=r"20\.5 samples") as error:
        window_samples(1000.0, 0.0205)
    assert error.value.remedy == "use a window of 0.02 s (20 samples) or 0.021 s (21 samples)"
    for rate, window in ((1e3, 0.0), (0.0, 1.0), (1e3, float("nan")), (1e3, 1e-4)):
        with pytest.raises(PlanError):
            window_samples(rate, window)
