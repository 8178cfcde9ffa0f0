"""Settings near the present setting of an edge, and the weights of the slope through measurements there."""

from __future__ import annotations

import numpy as np

from labrig.instruments.data import Continuous, Level, LevelTable, Setting, Target


def neighbours(levels: LevelTable | Continuous, here: float, step: float) -> list[tuple[Setting, float]]:
    """Two settings near the conductance `here` (S), each with its conductance (S).

    They are about `step` (relative) below and above `here`; at an end of the range both are on the same side, and in a
    narrow range the step is smaller.
    """
    if isinstance(levels, Continuous):
        step = min(step, (levels.maximum - levels.minimum) / (3 * here))
        steps = (-step, step)
        if here * (1 - step) < levels.minimum:
            steps = (step, 2 * step)
        elif here * (1 + step) > levels.maximum:
            steps = (-2 * step, -step)
        return [(Target(here * (1 + each)), here * (1 + each)) for each in steps]
    position = int(np.abs(levels.siemens - here).argmin())
    last = len(levels.siemens) - 1
    below = min(int(np.searchsorted(levels.siemens, here * (1 - step))), position - 1)
    above = max(int(np.searchsorted(levels.siemens, here * (1 + step))), position + 1)
    if position == 0:
        below, above = min(above, last), min(2 * above, last)
    elif position == last:
        below, above = max(2 * below - last, 0), below
    else:
        above = min(above, last)
    return [(Level(int(levels.codes[k])), float(levels.siemens[k])) for k in (below, above)]


def three_point_weights(first: float, second: float) -> tuple[float, float, float]:
    """Weights of f(first), f(0) and f(second) in the slope at 0 of the parabola through these three points."""
    if first == second:  # a part with two levels
        return 1 / first, -1 / first, 0.0
    scale = first * second * (second - first)
    return second**2 / scale, (first**2 - second**2) / scale, -(first**2) / scale
