"""95 % intervals of the figures of an evaluation, due to the limited number of examples."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from labrig.runs.journal import Evaluation
from labrig.runs.report.reported import Reported
from labrig.runs.units import is_figure

Z = 1.959964
"""Half-width of a 95 % interval of the normal distribution, in standard deviations."""
SAME = 1e-6
"""Largest relative difference at which a figure that is computed again counts as equal to the recorded one."""


def wilson(right: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of the share `right` of `count` independent examples (Wilson, JASA 22: 209, 1927)."""
    centre = (right + Z**2 / (2 * count)) / (1 + Z**2 / count)
    half = Z / (1 + Z**2 / count) * math.sqrt(right * (1 - right) / count + Z**2 / (4 * count**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def interval_of(name: str, evaluation: Evaluation, run: Reported) -> tuple[float, float] | None:
    """Return the 95 % interval of an accuracy or of an rms over examples; None for other figures."""
    value = evaluation.metrics.get(name)
    if value is None:
        return None
    part = "test" if name.startswith("test_") else "train"
    if name.endswith("accuracy"):
        count = sum(example.part == part for example in run.record.dataset)
        return wilson(float(value), count) if count else None
    if is_figure(name, "rms") or is_figure(name, "test_rms"):
        errors = _squared_errors(part, evaluation, run)
        if errors is not None and abs(math.sqrt(errors.mean()) - value) <= SAME * abs(value):
            half = Z * float(errors.std(ddof=1)) / math.sqrt(len(errors))
            mean = float(errors.mean())
            return math.sqrt(max(0.0, mean - half)), math.sqrt(mean + half)
    return None


def _squared_errors(part: str, evaluation: Evaluation, run: Reported) -> NDArray[np.float64] | None:
    """Return the mean squared error of every example of a part; None for fewer than eight, or without outputs."""
    if evaluation.outputs is None or evaluation.examples is None or "readout" not in run.meta:
        return None
    known = {example.example: example for example in run.record.dataset}
    rows = [row for row, example in enumerate(evaluation.examples) if known[example].part == part]
    if len(rows) < 8:
        return None
    read = evaluation.outputs[rows] @ np.array(run.meta["readout"], dtype=float).T
    target = np.array([known[evaluation.examples[row]].target for row in rows])
    return ((read - target) ** 2).mean(axis=1)
