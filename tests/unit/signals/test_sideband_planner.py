"""A tone with two sidebands: away from products and mains, and repeated often enough."""

from __future__ import annotations

from itertools import product

import pytest

from labrig.signals.sideband_planner import LEAST_PERIODS, LEAST_PHASES, check_sidebands, plan_sidebands
from labrig.signals.tone_planner import PlanError, TonePlan

REQUEST = {"sample_rate_hz": 50e3, "window_samples": 1000, "band_hz": (200.0, 4000.0)}


@pytest.mark.parametrize("samples", [1000, 2000, 2500, 4096, 6000])
@pytest.mark.parametrize("order", [2, 5])
def test_no_product_falls_on_what_is_read(samples: int, order: int):
    plan = plan_sidebands(**{**REQUEST, "window_samples": samples}, order=order)
    carrier, low, high = plan.cycles
    offset = high - carrier
    assert carrier - low == offset > 0
    assert LEAST_PERIODS * plan.period_samples <= samples
    harmonics, beats = range(-LEAST_PHASES + 1, LEAST_PHASES), range(-order, order + 1)
    for m, j in product(harmonics, beats):
        if (m, abs(j)) != (0, 1):
            assert (m * carrier + j * offset) % samples not in (offset, samples - offset), (m, j)


def test_the_tones_stay_off_mains_and_in_the_band():
    plan = plan_sidebands(**REQUEST)
    assert plan.frequencies_hz == (2000.0, 1750.0, 2250.0)
    assert check_sidebands(plan) is plan
    with pytest.raises(PlanError) as error:
        plan_sidebands(**{**REQUEST, "band_hz": (200.0, 2000.0)})
    assert error.value.remedy == "use a window of 0.04 s"


def test_tones_that_are_no_sidebands_are_refused():
    for cycles in ((40, 35, 46), (40, 45, 35), (35, 40, 45)):
        with pytest.raises(PlanError, match="equal distances below and above"):
            check_sidebands(TonePlan(50e3, 1000, cycles))
    with pytest.raises(PlanError, match=r"products of 2000 Hz and .* fall on the measured difference frequency"):
        check_sidebands(TonePlan(50e3, 1000, (40, 20, 60)))  # the second harmonic of the beat is the tone
    with pytest.raises(PlanError, match=r"the pattern of 2050 Hz and its sidebands repeats fewer than 4 times"):
        check_sidebands(TonePlan(50e3, 1000, (41, 36, 46)))
    with pytest.raises(PlanError, match=r"12500 Hz is sampled at fewer than 16 different phases"):
        check_sidebands(TonePlan(50e3, 1000, (250, 240, 260)))
