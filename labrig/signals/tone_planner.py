"""Frequency planning: tones on whole cycles of the window, away from mains harmonics and intermodulation products.

Diodes produce intermodulation products Σ m_i·f_i of every order, and sampling aliases them. In cycles per window of N
samples, all frequencies are integers k_i modulo N, so a plan is *clean* to an order if no product with
2 ≤ Σ|m_i| ≤ order falls on DC or on ± a tone, modulo N. Moving the tone to the other side of the equation gives the
condition used in the search: no relation Σ c_i·k_i ≡ 0 (mod N) with 1 ≤ Σ|c_i| ≤ order + 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, product
from math import ceil, comb, floor, gcd, isfinite

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ConfigError

MAINS_HARMONICS = 20
"""Tones avoid mains harmonics up to this one; higher ones are weak enough to ignore."""

RELATIVE_TOLERANCE = 1e-9
"""Tolerance for integer numbers of samples and cycles: above rounding errors, below any real mistake."""

SEARCH_BUDGET = 1000
"""Branches searched per common period, for three or more tones, before the next longer period is tried."""

LONGEST_SUGGESTED = 64
"""Longest window that an error message suggests, in units of the window that is too short."""


class PlanError(ConfigError):
    """The requested tones do not fit the window."""


@dataclass(frozen=True, slots=True)
class TonePlan:
    """Tones on whole cycles of a window: tone i has `cycles[i]` cycles in `window_samples` samples."""

    sample_rate_hz: float
    window_samples: int
    cycles: tuple[int, ...]

    @property
    def frequencies_hz(self) -> tuple[float, ...]:
        """Frequency of each tone (Hz), correctly rounded."""
        return tuple(_frequency_hz(k, self.sample_rate_hz, self.window_samples) for k in self.cycles)

    @property
    def period_samples(self) -> int:
        """Smallest number of samples after which every tone repeats."""
        return self.window_samples // gcd(self.window_samples, *self.cycles)


def window_samples(sample_rate_hz: float, window_s: float) -> int:
    """Number of samples in a window of `window_s` seconds; raises PlanError unless it is an integer."""
    exact = sample_rate_hz * window_s
    if not (isfinite(exact) and sample_rate_hz > 0 and window_s > 0):
        raise PlanError(
            f"{window_s:g} s at {sample_rate_hz:g} S/s is not a valid window; both must be positive and finite"
        )
    samples = round(exact)
    if samples < 1 or abs(exact - samples) > RELATIVE_TOLERANCE * exact:
        whole = [n for n in (floor(exact), ceil(exact)) if n > 0]
        raise PlanError(
            f"a window of {window_s:g} s is {exact:.6g} samples at {sample_rate_hz:g} S/s, not a whole number",
            remedy="use a window of " + " or ".join(f"{n / sample_rate_hz:.9g} s ({n} samples)" for n in whole),
        )
    return samples


def plan_tones(
    *,
    sample_rate_hz: float,
    window_samples: int,
    count: int,
    band_hz: tuple[float, float],
    order: int = 5,
    mains_hz: Sequence[float] = (50.0, 60.0),
    repeats: int | None = None,
) -> TonePlan:
    """Choose tones that are clean to an order.

    Of all clean plans it returns the one with the shortest common period (few unique samples make nonlinear
    simulation fast), then the one with the smallest sum of frequencies (the error due to capacitance grows with ω).
    This is exact for one and two tones; for more, the search of each period stops after `SEARCH_BUDGET` branches.

    Parameters
    ----------
    sample_rate_hz
        Sample rate (S/s).
    window_samples
        Length of the window (samples).
    count
        Number of tones.
    band_hz
        Lowest and highest frequency allowed, inclusive (Hz).
    order
        Highest order of the intermodulation products to avoid, at least 2.
    mains_hz
        Mains frequencies (Hz). Tones stay at least half a bin from their harmonics up to `MAINS_HARMONICS`.
    repeats
        Number of samples after which every tone must repeat, for sources that play tones from a table.

    Returns
    -------
    TonePlan
        The tones in ascending frequency.

    Raises
    ------
    PlanError
        If no plan fits; the error has a remedy.
    """
    _check_request(sample_rate_hz, window_samples, band_hz, order)
    if count < 1:
        raise PlanError(f"{count} tones cannot be planned", limit="at least 1")
    grid = f"{window_samples} samples at {sample_rate_hz:g} S/s"
    in_band = repeating(cycles_in_band(sample_rate_hz, window_samples, band_hz), window_samples, repeats)
    on_mains = cycles_on_mains(sample_rate_hz, window_samples, mains_hz)
    allowed = [k for k in in_band if k not in on_mains]
    cycles = _search(window_samples, allowed, count, order)
    if cycles is not None:
        return TonePlan(sample_rate_hz, window_samples, cycles)
    if len(allowed) < len(in_band) and _search(window_samples, in_band, count, order) is not None:
        mains = " and ".join(f"{f:g}" for f in mains_hz)
        raise PlanError(
            f"no {_tones(count)} can avoid mains: harmonics of {mains} Hz leave {len(allowed)} of the {len(in_band)} "
            f"frequencies in {band_text(band_hz)} with whole cycles in {grid}",
            remedy=_remedy(sample_rate_hz, window_samples, count, band_hz, order, mains_hz, repeats, "mains: none"),
        )
    table = "with" if repeats is None else f"that repeat after {repeats} samples, as the sources need, and have"
    raise PlanError(
        f"no {_tones(count)} can avoid products up to order {order} among the {len(in_band)} frequencies in "
        f"{band_text(band_hz)} {table} whole cycles in {grid}",
        remedy=_remedy(sample_rate_hz, window_samples, count, band_hz, order, mains_hz, repeats, "a wider band"),
    )


def _remedy(
    sample_rate_hz: float,
    window_samples: int,
    count: int,
    band_hz: tuple[float, float],
    order: int,
    mains_hz: Sequence[float],
    repeats: int | None,
    other: str,
) -> str:
    """The remedy for tones that do not fit: the shortest multiple of the window that works, `other`, a lower order."""

    def fits(samples: int, order: int) -> bool:
        on_mains = cycles_on_mains(sample_rate_hz, samples, mains_hz)
        in_band = repeating(cycles_in_band(sample_rate_hz, samples, band_hz), samples, repeats)
        allowed = [k for k in in_band if k not in on_mains]
        return _first_found(samples, np.array(allowed, dtype=np.int64), count, order + 1)

    longer = next((m for m in range(2, LONGEST_SUGGESTED + 1) if fits(m * window_samples, order)), None)
    window = "a longer window" if longer is None else f"a window of {longer * window_samples / sample_rate_hz:.9g} s"
    lower = next((lower for lower in range(order - 1, 1, -1) if fits(window_samples, lower)), None)
    return f"use {window}, or {other}" if lower is None else f"use {window}, {other}, or order: {lower}"


def _first_found(period: int, candidates: NDArray[np.int64], count: int, radius: int) -> bool:
    """Whether `count` tones are found by repeatedly taking the lowest tone that is still clean."""
    distance = np.full(period, radius + 1, dtype=np.int64)
    distance[0] = 0
    for _ in range(count):
        candidates = candidates[_admitted(distance, candidates, radius)]
        if not len(candidates):
            return False
        distance, candidates = _with_tone(distance, int(candidates[0]), radius), candidates[1:]
    return True


def _tones(count: int) -> str:
    return "tone" if count == 1 else f"{count} tones"


def check_tones(
    sample_rate_hz: float,
    window_samples: int,
    frequencies_hz: Sequence[float],
    band_hz: tuple[float, float],
    order: int = 5,
) -> TonePlan:
    """Check tones chosen by the user.

    Parameters
    ----------
    sample_rate_hz
        Sample rate (S/s).
    window_samples
        Length of the window (samples).
    frequencies_hz
        The tones (Hz).
    band_hz
        Lowest and highest frequency allowed, inclusive (Hz).
    order
        Highest order of the intermodulation products to avoid, at least 2.

    Returns
    -------
    TonePlan
        The tones in the order given.

    Raises
    ------
    PlanError
        If a tone is not allowed; the message says which tone and why.
    """
    _check_request(sample_rate_hz, window_samples, band_hz, order)
    in_band = cycles_in_band(sample_rate_hz, window_samples, band_hz)
    cycles = []
    for number, frequency in enumerate(frequencies_hz, start=1):
        name = f"tone f{number} = {frequency:.9g} Hz"
        if not 0 < frequency < sample_rate_hz / 2:
            raise PlanError(f"{name} is not between DC and Nyquist", limit=f"{sample_rate_hz / 2:g} Hz")
        exact = frequency * window_samples / sample_rate_hz
        k = round(exact)
        if k < 1 or abs(exact - k) > RELATIVE_TOLERANCE * exact:
            nearest = [
                f"{_frequency_hz(j, sample_rate_hz, window_samples):.9g} Hz"
                for j in (floor(exact), ceil(exact))
                if j in in_band
            ]
            raise PlanError(
                f"{name} has {exact:.6g} cycles in {window_samples} samples, not a whole number",
                remedy="use " + (" or ".join(nearest) if nearest else "a longer window"),
            )
        if k not in in_band:
            raise PlanError(f"{name} is outside the band", limit=band_text(band_hz))
        cycles.append(k)
    plan = TonePlan(sample_rate_hz, window_samples, tuple(cycles))
    collision = _first_collision(window_samples, plan.cycles, order)
    if collision is not None:
        tones = ", ".join(f"f{i} = {f:.9g} Hz" for i, f in enumerate(plan.frequencies_hz, start=1))
        raise PlanError(f"{collision} ({tones})", remedy="choose other tones, or tones: auto")
    return plan


def _check_request(sample_rate_hz: float, window_samples: int, band_hz: tuple[float, float], order: int) -> None:
    if not (isfinite(sample_rate_hz) and sample_rate_hz > 0 and window_samples >= 1):
        raise PlanError(
            f"{window_samples} samples at {sample_rate_hz:g} S/s is not a valid window; both must be positive"
        )
    if not (0 <= band_hz[0] <= band_hz[1] and isfinite(band_hz[0])):
        raise PlanError(f"{band_text(band_hz)} is not a valid band", remedy="write it as low, high")
    if order < 2:
        raise PlanError(f"the order must be at least 2, not {order}")


def band_text(band_hz: tuple[float, float]) -> str:
    """The band as text."""
    return f"{band_hz[0]:g} Hz to {band_hz[1]:g} Hz"


def _frequency_hz(cycles: int, sample_rate_hz: float, window_samples: int) -> float:
    return float(cycles * Fraction(sample_rate_hz) / window_samples)


def cycles_in_band(sample_rate_hz: float, window_samples: int, band_hz: tuple[float, float]) -> range:
    """Cycles per window of the frequencies (compared as floats) that are in the band and between DC and Nyquist."""
    low, high = band_hz
    highest = (window_samples - 1) // 2
    bins_per_hz = window_samples / Fraction(sample_rate_hz)
    first = max(1, floor(Fraction(low) * bins_per_hz))
    last = highest if high >= sample_rate_hz / 2 else min(highest, ceil(Fraction(high) * bins_per_hz))
    if _frequency_hz(first, sample_rate_hz, window_samples) < low:
        first += 1
    if _frequency_hz(last, sample_rate_hz, window_samples) > high:
        last -= 1
    return range(first, last + 1)


def repeating(cycles: Sequence[int], window_samples: int, repeats: int | None) -> list[int]:
    """The cycles per window whose tones repeat after `repeats` samples; all of them if `repeats` is None."""
    return [k for k in cycles if repeats is None or k * repeats % window_samples == 0]


def check_repeats(plan: TonePlan, repeats: int | None) -> TonePlan:
    """Return `plan`. Raises PlanError if a tone does not repeat after `repeats` samples."""
    for cycles, hz in zip(plan.cycles, plan.frequencies_hz, strict=True):
        if not repeating([cycles], plan.window_samples, repeats):
            raise PlanError(
                f"a source cannot play {hz:.9g} Hz, because its tones repeat after {repeats} samples",
                limit=f"multiples of {plan.sample_rate_hz / (repeats or 1):.9g} Hz",
                remedy=f"use such a frequency, and a window that is a multiple or a divisor of {repeats} samples",
            )
    return plan


def cycles_on_mains(sample_rate_hz: float, window_samples: int, mains_hz: Sequence[float]) -> set[int]:
    """Cycles per window that are within half a bin of a mains harmonic, after aliasing."""
    half = Fraction(1, 2)
    refused = set()
    for mains in mains_hz:
        for harmonic in range(1, MAINS_HARMONICS + 1):
            position = harmonic * Fraction(mains) * window_samples / Fraction(sample_rate_hz) % window_samples
            position = min(position, window_samples - position)  # aliased if beyond half the sample rate
            nearest = floor(position + half)
            if abs(nearest - position) < half:
                refused.add(nearest)
    return refused


def _search(window: int, allowed: Sequence[int], count: int, order: int) -> tuple[int, ...] | None:
    """Cycles per window of the best clean plan, by trying common periods (divisors of the window), shortest first."""
    radius = order + 1
    # In a clean plan all Σ c_i·k_i with Σ|c_i| ≤ radius/2 differ, so the period has at least that many residues.
    fewest = sum(2**i * comb(count, i) * comb(radius // 2, i) for i in range(count + 1))
    candidates = np.asarray(allowed, dtype=np.int64)
    for period in range(max(fewest, radius + 1), window + 1):
        if window % period == 0:
            step = window // period
            found = _lowest_clean(period, candidates[candidates % step == 0] // step, count, radius)
            if found is not None:
                return tuple(step * q for q in found)
    return None


def _lowest_clean(period: int, candidates: NDArray[np.int64], count: int, radius: int) -> tuple[int, ...] | None:
    """The `count` ascending `candidates` of smallest sum that have no relation mod `period` up to `radius`, or None.

    Depth-first search over ascending tones. `distance` (period,) is, for each residue, the smallest Σ|c_i| that
    reaches it with the tones chosen so far (capped above `radius`); `open_tones` are the later candidates still
    allowed.
    """
    best: tuple[int, ...] | None = None
    best_sum = 0
    branches = 0

    def descend(chosen: tuple[int, ...], distance: NDArray[np.int64], open_tones: NDArray[np.int64]) -> None:
        nonlocal best, best_sum, branches
        missing = count - len(chosen)
        open_tones = open_tones[_admitted(distance, open_tones, radius)]
        for i in range(len(open_tones) - missing + 1):
            if best is not None and sum(chosen) + int(open_tones[i : i + missing].sum()) >= best_sum:
                return
            longer = (*chosen, int(open_tones[i]))
            if missing == 1:
                best, best_sum = longer, sum(longer)
                return
            branches += 1
            if count > 2 and branches > SEARCH_BUDGET:
                return
            descend(longer, _with_tone(distance, longer[-1], radius), open_tones[i + 1 :])

    silence = np.full(period, radius + 1, dtype=np.int64)
    silence[0] = 0
    descend((), silence, candidates)
    return best


def _admitted(distance: NDArray[np.int64], tones: NDArray[np.int64], radius: int) -> NDArray[np.bool_]:
    """Mask of the `tones` that add no relation up to `radius`: the distance of c·tone exceeds radius − c for all c."""
    multiples = np.arange(1, radius + 1)[:, np.newaxis]
    return np.all(distance[(multiples * tones) % len(distance)] + multiples > radius, axis=0)


def _with_tone(distance: NDArray[np.int64], tone: int, radius: int) -> NDArray[np.int64]:
    """New `distance` after adding `tone`: the minimum over c of distance[r − c·tone] + |c|."""
    period = len(distance)
    c = np.arange(-radius, radius + 1)[:, np.newaxis]
    return (distance[(np.arange(period) - c * tone) % period] + np.abs(c)).min(axis=0)


def _first_collision(window: int, cycles: Sequence[int], order: int) -> str | None:
    """Description of the collision of lowest order; None if there is no collision."""
    for (i, a), (j, b) in pairwise(sorted(enumerate(cycles, start=1), key=lambda item: item[1])):
        if a == b:
            return f"f{min(i, j)} and f{max(i, j)} are the same tone"
    for m in _products(len(cycles), order):
        total = sum(factor * k for factor, k in zip(m, cycles, strict=True))
        targets = {"DC": 0} | {f"f{i}": k for i, k in enumerate(cycles, start=1)}
        for name, k in targets.items():
            if (total - k) % window == 0 or (total + k) % window == 0:
                alias = "" if abs(total) == k else " as an alias"
                return f"{_product_text(m)} falls on {name}{alias}"
    return None


def _products(count: int, order: int) -> Iterator[tuple[int, ...]]:
    """Yield products of orders 2 to `order`, lowest first; only those whose first nonzero factor is positive."""
    factors = [m for m in product(range(-order, order + 1), repeat=count) if 2 <= sum(map(abs, m)) <= order]
    for m in sorted(factors, key=lambda m: (sum(map(abs, m)), tuple(-x for x in m))):
        if next(x for x in m if x) > 0:
            yield m


def _product_text(m: Sequence[int]) -> str:
    """The product as text: (3, -2) becomes "3·f1 − 2·f2"."""
    text = ""
    for i, factor in enumerate(m, start=1):
        if factor:
            sign = (" − " if factor < 0 else " + ") if text else ""
            text += sign + (f"{abs(factor)}·f{i}" if abs(factor) > 1 else f"f{i}")
    return text
