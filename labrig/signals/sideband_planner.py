"""Chooses a tone f₁ with sidebands f₁ ± Ω, each on whole cycles of the window, so that a lock-in can read ½u² at Ω.

In a nonlinear network ½u² contains products m·f₁ + j·Ω. The one at ±Ω is measured, and no other with |j| ≤ order may
fall on it. In other words, no m·f₁ + j·Ω with 0 < |j| ≤ order + 1 may be DC modulo the sample rate. Let P be the common
period in samples, f₁ and Ω numbers of cycles in P, and g the greatest common divisor of f₁ and P. It is then enough
that none of Ω, 2Ω, …, (order + 1)·Ω is a multiple of g. The only products that still fall on ±Ω contain the harmonic
P/g of f₁ or its multiples, and P/g ≥ LEAST_PHASES is far beyond the harmonics that diodes generate.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import Literal

from labrig.signals.tone_planner import (
    MAINS_HARMONICS,
    PlanError,
    TonePlan,
    band_text,
    cycles_in_band,
    cycles_on_mains,
)

LEAST_PHASES = 16
"""Smallest number of sampled phases of f₁; harmonics up to one less than this can be distinguished."""

LEAST_PERIODS = 4
"""Smallest number of common periods in a window: the noise is estimated from the differences between periods."""

WIDER = (1, 2, 4, 8)
LONGER = (1, 2, 3, 4, 5, 8, 10)


def plan_sidebands(
    *,
    sample_rate_hz: float,
    window_samples: int,
    band_hz: tuple[float, float],
    order: int = 5,
    mains_hz: Sequence[float] = (50.0, 60.0),
) -> TonePlan:
    """Choose f₁, f₁ − Ω and f₁ + Ω with the shortest common period, then the lowest f₁, then the lowest Ω.

    The three tones avoid harmonics of the mains. Ω itself need not, because ½u² contains hum at its own frequency only
    as a product of hum and a constant level.

    Parameters
    ----------
    sample_rate_hz, window_samples, band_hz, order, mains_hz
        As for `plan_tones`; the band is that of the three tones.

    Raises
    ------
    PlanError
        If no plan fits; the remedy names a window and a band for which a plan exists.
    """
    cycles = _search(sample_rate_hz, window_samples, band_hz, order, mains_hz)
    if cycles is not None:
        return TonePlan(sample_rate_hz, window_samples, cycles)
    low, high = band_hz
    remedy = "use a longer window and a wider band"
    for wide, long in sorted(((w, m) for w in WIDER for m in LONGER), key=lambda pair: pair[0] * pair[1]):
        band = low, min(wide * high, sample_rate_hz / 2)
        if _search(sample_rate_hz, long * window_samples, band, order, mains_hz) is not None:
            parts = [f"a window of {long * window_samples / sample_rate_hz:.9g} s"] if long > 1 else []
            parts += [f"a band up to {band[1]:g} Hz"] if wide > 1 else []
            remedy = "use " + " and ".join(parts)
            break
    mains = f" and the first {MAINS_HARMONICS} harmonics of mains" if mains_hz else ""
    raise PlanError(
        f"no tone with two sidebands fits into {band_text(band_hz)}: the tones must repeat {LEAST_PERIODS} times in "
        f"{window_samples} samples at {sample_rate_hz:g} S/s, and avoid products up to order {order}{mains}",
        remedy=remedy,
    )


def check_sidebands(plan: TonePlan, order: int = 5) -> TonePlan:
    """Check tones f₁, f₁ − Ω, f₁ + Ω that the user chose, and return `plan`, which has whole cycles of each.

    Raises PlanError if they are not in this order, repeat too rarely in the window, are sampled at too few phases, or
    collide with products up to `order`.
    """
    carrier, low, high = plan.cycles
    if high - carrier != carrier - low or high <= carrier:
        raise PlanError(
            "three tones are needed in this order: the activation, and tones at equal distances below and above it",
            remedy="write f, f − Ω, f + Ω, or tones: auto",
        )
    flaw = _flaw(plan.period_samples, carrier, high - carrier, plan.window_samples, order)
    if flaw:
        tones = f"{plan.frequencies_hz[0]:g} Hz and its sidebands"
        message = {
            "periods": f"the pattern of {tones} repeats fewer than {LEAST_PERIODS} times in the window",
            "phases": f"{plan.frequencies_hz[0]:g} Hz is sampled at fewer than {LEAST_PHASES} different phases",
            "products": f"intermodulation products of {tones} fall on the measured difference frequency",
        }
        raise PlanError(message[flaw], remedy="choose other tones, or tones: auto")
    return plan


def _search(
    sample_rate_hz: float, window: int, band_hz: tuple[float, float], order: int, mains_hz: Sequence[float]
) -> tuple[int, int, int] | None:
    """Cycles per window of the best plan; None if there is none."""
    on_mains = cycles_on_mains(sample_rate_hz, window, mains_hz)
    in_band = cycles_in_band(sample_rate_hz, window, band_hz)
    allowed = {k for k in in_band if k not in on_mains}
    for period in range(LEAST_PHASES, window // LEAST_PERIODS + 1):
        if window % period:
            continue
        step = window // period
        for carrier in sorted(k for k in allowed if k % step == 0):
            for offset in range(step, carrier, step):
                if carrier + offset not in in_band or carrier - offset not in in_band:
                    break
                sides = carrier - offset, carrier + offset
                if allowed.issuperset(sides) and not _flaw(period, carrier, offset, window, order):
                    return carrier, *sides
    return None


def _flaw(
    period: int, carrier: int, offset: int, window: int, order: int
) -> Literal["periods", "phases", "products"] | None:
    """Why a tone and its sidebands (cycles per window) are unsuitable: too few periods or phases, or products."""
    step = window // period
    common = gcd(carrier // step, period)
    if LEAST_PERIODS * period > window:
        return "periods"
    if period // common < LEAST_PHASES:
        return "phases"
    beats = (offset // step * j for j in range(1, order + 2))
    return None if all(beat % common for beat in beats) else "products"
