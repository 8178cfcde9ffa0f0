"""Compiled Newton for many different samples of a diode network: eight lanes, each walking along its own stretch of them.

A lane begins at its first guess, goes on from the sample before, and from the third one on extrapolates. All lanes are
factored together by the sparse LDLᵀ of elimination.py. The law of the diodes is that of junctions.py.
"""

# pyright: basic
from __future__ import annotations

import math

import numpy as np

from labrig.compiled import compiled, helper

LANES = 8
MOST_ITERATIONS = 60
MOST_HALVINGS = 40


@helper
def _omega(x):
    """Wright omega of a real argument: w + ln w = x."""
    if x < -40.0:
        return math.exp(max(x, -700.0))
    if x < -2.0:
        e = math.exp(x)
        w = e * (1.0 - e + 1.5 * e * e)
    elif x < 3.5:
        w = 1.0 + (x - 1.0) * (0.5 + (x - 1.0) / 16.0)
    else:
        w = x - math.log(x)
    for _ in range(2):  # Fritsch, Shafer and Crowley: of fourth order
        r = x - w - math.log(w)
        above = 1.0 + w
        t = above * (above + 2.0 / 3.0 * r)
        w *= 1.0 + r / above * (t - 0.5 * r) / (t - r)
    return w


@helper
def _exponential(u, saturation, nvt, series, largest_a):
    """W with w = Is·exp((u − Rs·w)/nVt), and its slope."""
    if series > 0.0:
        w = _omega(math.log(saturation * series / nvt) + u / nvt)
        return w * nvt / series, w / (series * (1.0 + w))
    top = nvt * math.log(largest_a / saturation)
    on_curve = min(u, top)
    current = saturation * math.exp(on_curve / nvt)
    return current * (1.0 + (u - on_curve) / nvt), current / nvt


@helper
def _junction(u, diode):
    """Current and slope of one diode (saturation, nVt, series, gmin, knee, reverse_below, largest current) at u."""
    saturation, nvt, series, gmin, knee = diode[0], diode[1], diode[2], diode[3], diode[4]
    if u >= diode[5]:
        current, slope = _exponential(u + series * saturation, saturation, nvt, series, diode[6])
        return current - saturation + gmin * u, slope + gmin
    drop, reach = series * saturation, 3.0 / math.e * nvt
    wanted = u + drop
    junction = min(wanted, -3.0 * nvt)
    for _ in range(2):
        relative = reach / junction
        excess = drop * relative * relative * relative
        junction -= (junction - excess - wanted) / (1.0 + 3.0 * excess / junction)
    if junction < -knee:
        current, slope = _exponential(-u - knee, saturation, nvt, series, diode[6])
        return gmin * u - current, slope + gmin
    relative = reach / junction
    tail = relative * relative * relative
    bend = 3.0 * tail / junction
    return gmin * u - saturation * (1.0 + tail), saturation * bend / (1.0 + drop * bend) + gmin


@helper
def _residual(v, r, g, current, sample, diagonal, lower, starts, rows, anode, cathode, diodes):
    """R = s − A·v − D·i (m, 8) and the slopes g (K, 8)."""
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
            through, slope = _junction(u, diodes[d])
            g[d, k] = slope
            if a >= 0:
                r[a, k] -= through
            if c >= 0:
                r[c, k] += through


@helper
def _step(D, L, delta, r, g, diagonal, lower, starts, rows, targets, anode, cathode, entry):
    """Delta = J⁻¹·r with J = A + D·g·Dᵀ, by LDLᵀ; D keeps the inverse of its diagonal."""
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
    """Solve the samples `current` (B, m); voltages (B, m), and whether each has converged.

    Lane k takes the samples from k·⌈B/8⌉ on, and begins at `guess` (8, m).
    """
    count, size = current.shape
    length = (count + 7) // 8
    found, solved = np.empty((count, size)), np.zeros(count, np.bool_)
    v, before, r = np.empty((size, 8)), np.zeros((size, 8)), np.empty((size, 8))
    delta, D, g = np.empty((size, 8)), np.empty((size, 8)), np.empty((len(anode), 8))
    L = np.empty((len(lower), 8))
    sample = np.empty(8, np.int64)
    bend, descent, end, alpha = np.empty(8), np.empty(8), np.empty(8), np.empty(8)
    good = np.zeros(8, np.bool_)
    for i in range(size):
        for k in range(8):
            v[i, k] = guess[k, i]
    for n in range(length):
        for k in range(8):
            sample[k] = min(k * length + n, count - 1)
        for i in range(size):
            for k in range(8):
                at = v[i, k]
                if n > 1:
                    v[i, k] = 2.0 * at - before[i, k]
                before[i, k] = at
        _residual(v, r, g, current, sample, diagonal, lower, starts, rows, anode, cathode, diodes)
        for _ in range(MOST_ITERATIONS):
            _step(D, L, delta, r, g, diagonal, lower, starts, rows, targets, anode, cathode, entry)
            done = True
            for k in range(8):
                widest, left, scale, fall = 0.0, 0.0, smallest_v, 0.0
                for d in range(len(anode)):
                    a, c = anode[d], cathode[d]
                    du = abs((delta[a, k] if a >= 0 else 0.0) - (delta[c, k] if c >= 0 else 0.0))
                    widest = max(widest, du / diodes[d, 1])
                    left = max(left, du * du / diodes[d, 1])
                for i in range(size):
                    scale = max(scale, abs(v[i, k] + delta[i, k]))
                    fall += r[i, k] * delta[i, k]
                bend[k], descent[k], alpha[k] = widest, fall, 1.0
                good[k] = 0.5 * left <= final_error * scale and widest <= quadratic_bend
                done = done and good[k]
            for i in range(size):
                for k in range(8):
                    v[i, k] += delta[i, k]
            if done:
                break
            for _ in range(MOST_HALVINGS):
                _residual(v, r, g, current, sample, diagonal, lower, starts, rows, anode, cathode, diodes)
                steep = False
                for k in range(8):
                    end[k] = 0.0
                    for i in range(size):
                        end[k] -= r[i, k] * delta[i, k]
                    if end[k] > 0.9 * descent[k] and alpha[k] * bend[k] > 1.0:
                        steep = True
                        alpha[k] *= 0.5
                        for i in range(size):
                            v[i, k] -= alpha[k] * delta[i, k]
                if not steep:
                    break
        for k in range(8):
            here = k * length + n
            if here < count:
                solved[here] = good[k]
                for i in range(size):
                    found[here, i] = v[i, k]
    return found, solved
