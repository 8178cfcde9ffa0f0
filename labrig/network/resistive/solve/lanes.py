"""Compiled Newton's method for many different samples of a diode network, in eight lanes of consecutive samples.

A lane starts from its first guess. It extrapolates the start of every further sample from the previous solutions, with
the order that would have been best for the previous sample. All lanes are factored together by the sparse LDLᵀ of
elimination.py. The law of the diodes is that of junctions.py.
"""

# pyright: basic
from __future__ import annotations

import math

import numpy as np

from labrig.compiled import compiled, helper

LANES = 8
MOST_ITERATIONS = 60
SHORTEST = 1e-12
"""Fraction of a step below which it is not shortened further."""

NEAR = 0.03
"""Largest change of the argument of the Wright omega for which one iteration from the previous value is exact."""

SMALL_OMEGA = 1e-300


@helper
def _omega(x):
    """Wright omega of a real argument: the solution w of w + ln w = x."""
    if x < -40.0:
        return math.exp(max(x, -700.0))
    if x < -2.0:
        e = math.exp(x)
        w = e * (1.0 - e + 1.5 * e * e)
    elif x < 3.5:
        w = 1.0 + (x - 1.0) * (0.5 + (x - 1.0) / 16.0)
    else:
        w = x - math.log(x)
    return _improved(_improved(w, x), x)


@helper
def _improved(w, x):
    """One iteration for ω(x), of fourth order (Fritsch, Shafer and Crowley, Commun. ACM 16, 1973)."""
    r = x - w - math.log(w)
    above = 1.0 + w
    t = above * (above + 2.0 / 3.0 * r)
    return w * (1.0 + r / above * (t - 0.5 * r) / (t - r))


@helper
def _exponential(u, diodes, d, last, k):
    """Solution w of w = Is·exp((u − Rs·w)/nVt), and its slope; `last` keeps argument and omega of the last call."""
    saturation, nvt, series = diodes[d, 0], diodes[d, 1], diodes[d, 2]
    if series > 0.0:
        x = diodes[d, 7] + u / nvt
        change, w = x - last[d, k, 0], last[d, k, 1]
        if abs(change) < NEAR and w > SMALL_OMEGA:
            w = _improved(w * (1.0 + change / (1.0 + w)), x)
        else:
            w = _omega(x)
        last[d, k, 0], last[d, k, 1] = x, w
        return w * nvt / series, w / (series * (1.0 + w))
    on_curve = min(u, nvt * math.log(diodes[d, 6] / saturation))
    current = saturation * math.exp(on_curve / nvt)
    return current * (1.0 + (u - on_curve) / nvt), current / nvt


@helper
def _junction(u, diodes, d, last, k):
    """Current and slope at the drop u of diode d, a row of the table `diodes` of `walk`, in lane k."""
    saturation, nvt, series, gmin, knee = diodes[d, 0], diodes[d, 1], diodes[d, 2], diodes[d, 3], diodes[d, 4]
    if u >= diodes[d, 5]:
        current, slope = _exponential(u + series * saturation, diodes, d, last, k)
        return current - saturation + gmin * u, slope + gmin
    drop, reach = series * saturation, 3.0 / math.e * nvt
    wanted = u + drop
    junction = min(wanted, -3.0 * nvt)
    for _ in range(1 if drop < 1e-3 * nvt else 2):
        relative = reach / junction
        excess = drop * relative * relative * relative
        junction -= (junction - excess - wanted) / (1.0 + 3.0 * excess / junction)
    if junction < -knee:
        current, slope = _exponential(-u - knee, diodes, d, last, k)
        return gmin * u - current, slope + gmin
    relative = reach / junction
    tail = relative * relative * relative
    bend = 3.0 * tail / junction
    return gmin * u - saturation * (1.0 + tail), saturation * bend / (1.0 + drop * bend) + gmin


@helper
def _go_on(past, v, k, known):
    """Add the solution `v` of lane k to its `known` past ones; extrapolate with the order that predicted `v` best."""
    size = v.shape[0]
    smallest, order = np.inf, 0
    for trial in range(min(known, 4)):
        off = 0.0
        for i in range(size):
            off = max(off, abs(_extrapolated(past, i, k, trial) - v[i, k]))
        if off < smallest:
            smallest, order = off, trial
    if 0 < known < 4 and order == known - 1:  # one more solution allows the next higher order
        order += 1
    for i in range(size):
        past[3, i, k] = past[2, i, k]
        past[2, i, k] = past[1, i, k]
        past[1, i, k] = past[0, i, k]
        past[0, i, k] = v[i, k]
        v[i, k] = _extrapolated(past, i, k, order)


@helper
def _extrapolated(past, i, k, order):
    if order == 0:
        return past[0, i, k]
    if order == 1:
        return 2.0 * past[0, i, k] - past[1, i, k]
    if order == 2:
        return 3.0 * (past[0, i, k] - past[1, i, k]) + past[2, i, k]
    return 4.0 * (past[0, i, k] + past[2, i, k]) - 6.0 * past[1, i, k] - past[3, i, k]


@helper
def _residual(v, r, g, current, sample, diagonal, lower, starts, rows, anode, cathode, diodes, last):
    """Compute the residuals r = s − A·v − D·i (m, 8) and the slopes g (K, 8) in place."""
    size = len(diagonal)
    for i in range(size):
        for k in range(8):
            r[i, k] = current[sample[k], i] - diagonal[i] * v[i, k]
    for j in range(size):
        for p in range(starts[j], starts[j + 1]):
            a = lower[p]
            if a != 0.0:
                i = rows[p]
                for k in range(8):
                    r[i, k] -= a * v[j, k]
                    r[j, k] -= a * v[i, k]
    for d in range(len(anode)):
        a, c = anode[d], cathode[d]
        for k in range(8):
            u = (v[a, k] if a >= 0 else 0.0) - (v[c, k] if c >= 0 else 0.0)
            through, slope = _junction(u, diodes, d, last, k)
            g[d, k] = slope
            if a >= 0:
                r[a, k] -= through
            if c >= 0:
                r[c, k] += through


@helper
def _step(D, L, delta, r, g, diagonal, lower, starts, rows, targets, anode, cathode, entry):
    """Compute delta = J⁻¹·r with J = A + D·g·Dᵀ by LDLᵀ; the argument D stores the inverse of the diagonal factor."""
    size = len(diagonal)
    for i in range(size):
        for k in range(8):
            D[i, k] = diagonal[i]
            delta[i, k] = r[i, k]
    for p in range(len(lower)):
        for k in range(8):
            L[p, k] = lower[p]
    for d in range(len(anode)):
        for node in (anode[d], cathode[d]):
            if node >= 0:
                for k in range(8):
                    D[node, k] += g[d, k]
        if entry[d] >= 0:
            for k in range(8):
                L[entry[d], k] -= g[d, k]
    t = 0
    scaled = np.empty(8)
    for j in range(size):
        for k in range(8):
            D[j, k] = 1.0 / D[j, k]
        last = starts[j + 1]
        for p in range(starts[j], last):
            i = rows[p]
            for k in range(8):
                scaled[k] = L[p, k] * D[j, k]
                D[i, k] -= L[p, k] * scaled[k]
                delta[i, k] -= scaled[k] * delta[j, k]
            for q in range(p + 1, last):
                target = targets[t]
                t += 1
                for k in range(8):
                    L[target, k] -= L[q, k] * scaled[k]
            for k in range(8):
                L[p, k] = scaled[k]
    for j in range(size - 1, -1, -1):
        for k in range(8):
            delta[j, k] *= D[j, k]
        for p in range(starts[j], starts[j + 1]):
            i = rows[p]
            for k in range(8):
                delta[j, k] -= L[p, k] * delta[i, k]


@compiled
def walk(
    current,
    guess,
    diagonal,
    lower,
    starts,
    rows,
    targets,
    anode,
    cathode,
    entry,
    diodes,
    final_error,
    quadratic_bend,
    smallest_v,
):
    """Solve the samples `current` (B, m); return the voltages (B, m), and whether each sample has converged (B,).

    Columns of `diodes`: saturation current, nVt, series resistance, gmin, knee, drop where the reverse law begins,
    current where an exponential without series resistance becomes linear, ln(Is·Rs/nVt). Lane k solves the samples from
    k·⌈B/8⌉ on, and starts from row k of `guess` (8, m).
    """
    count, size = current.shape
    length = (count + 7) // 8
    found, solved = np.empty((count, size)), np.zeros(count, np.bool_)
    v, r = np.empty((size, 8)), np.empty((size, 8))
    past = np.zeros((4, size, 8))  # the latest first
    delta, D, g = np.zeros((size, 8)), np.empty((size, 8)), np.empty((len(anode), 8))
    L, last = np.empty((len(lower), 8)), np.zeros((len(anode), 8, 2))
    first, sample = np.empty(8, np.int64), np.empty(8, np.int64)
    iterations, active, stepped = np.zeros(8, np.int64), 0, np.zeros(8, np.bool_)
    bend, descent, alpha = np.zeros(8), np.zeros(8), np.ones(8)
    for k in range(8):
        first[k], sample[k] = -1, 0
        if k * length < count:
            first[k] = sample[k] = k * length
            active += 1
        for i in range(size):
            v[i, k] = guess[k, i]
    while active > 0:
        _residual(v, r, g, current, sample, diagonal, lower, starts, rows, anode, cathode, diodes, last)
        steep = False
        for k in range(8):
            if stepped[k] and alpha[k] * bend[k] > 1.0:
                end = 0.0
                for i in range(size):
                    end -= r[i, k] * delta[i, k]
                if end > 0.9 * descent[k] and alpha[k] > SHORTEST:
                    steep = True
                    alpha[k] *= 0.5
                    for i in range(size):
                        v[i, k] -= alpha[k] * delta[i, k]
        if steep:
            continue
        _step(D, L, delta, r, g, diagonal, lower, starts, rows, targets, anode, cathode, entry)
        for k in range(8):
            if first[k] < 0:
                continue
            left, scale = 0.0, smallest_v
            bend[k], descent[k], alpha[k], stepped[k] = 0.0, 0.0, 1.0, True
            for d in range(len(anode)):
                a, c = anode[d], cathode[d]
                du = abs((delta[a, k] if a >= 0 else 0.0) - (delta[c, k] if c >= 0 else 0.0))
                bend[k] = max(bend[k], du / diodes[d, 1])
                left = max(left, du * du / diodes[d, 1])
            for i in range(size):
                descent[k] += r[i, k] * delta[i, k]
                v[i, k] += delta[i, k]
                scale = max(scale, abs(v[i, k]))
            good = 0.5 * left <= final_error * scale and bend[k] <= quadratic_bend
            iterations[k] += 1
            if not good and iterations[k] < MOST_ITERATIONS:
                continue
            here = sample[k]
            solved[here] = good
            for i in range(size):
                found[here, i] = v[i, k]
            iterations[k], stepped[k] = 0, False
            if here + 1 < min(first[k] + length, count):
                sample[k] += 1
                _go_on(past, v, k, here - first[k])
            else:
                first[k] = -1  # this lane is done
                active -= 1
    return found, solved
