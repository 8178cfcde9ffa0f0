"""What a run will do before it does it: tones, timing, levels, memory, and how long it takes."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from labrig.experiment import Schedule
from labrig.instruments.data import Continuous
from labrig.learning.updates import Update
from labrig.rig.gradient_probe import GradientProbe

ROW_ARRAYS = 4
"""(E,) float64 arrays a journal row holds."""

TRIAL_EXAMPLES = 12


@dataclass(frozen=True)
class Counts:
    """updates: steps of training. training, evaluation: acquisitions, if no example is skipped."""

    updates: int
    training: int
    evaluation: int


@dataclass(frozen=True)
class Plan:
    """SI units. levels: per edge within the range, None where continuous. bench_s: time on the bench's clock.

    wall_s: time here, from a trial of a few examples.
    """

    frequencies_hz: tuple[float, ...]
    sample_rate_hz: float
    window_samples: int
    period_samples: int
    settle_samples: int
    acquisition_s: float
    levels: int | None
    largest_level_gap: float | None
    counts: Counts
    journal_bytes: int
    window_bytes: int
    bench_s: float
    wall_s: float


def count(schedule: Schedule, train: int, test: int, acquisitions: int) -> Counts:
    """How many updates and acquisitions a schedule makes; `acquisitions` of them for each example."""
    updates = schedule.epochs * -(-train // schedule.batch)
    every = schedule.evaluate_every
    between = max(schedule.epochs - 1, 0) // every if every else 0
    evaluations = 1 + between + (schedule.epochs > 0)
    # The last evaluation is followed by one acquisition for the spectrum.
    return Counts(updates, acquisitions * schedule.epochs * train, evaluations * (train + test) + 1)


def plan_run(probe: GradientProbe, update: Update, schedule: Schedule) -> Plan:
    """Plan a run on an open rig; tries a few examples to know how fast it is. The rig is left at its first settings."""
    rig, task = probe.rig, probe.task
    counts = count(schedule, len(task.train), len(task.test), probe.acquisitions)
    rig.program(update.settings())
    bench, wall, before = rig.clock.now(), time.perf_counter(), rig.acquisitions
    for example in np.resize(task.train, TRIAL_EXAMPLES):
        probe.gradient(int(example))
        rig.program(update.settings())
    acquired = rig.acquisitions - before
    total = counts.training + counts.evaluation
    levels = update.levels[0]
    steps = None if isinstance(levels, Continuous) else np.diff(levels.siemens)
    return Plan(
        frequencies_hz=rig.tones.frequencies_hz,
        sample_rate_hz=rig.plan.sample_rate_hz,
        window_samples=rig.plan.window_samples,
        period_samples=rig.tones.period_samples,
        settle_samples=rig.plan.settle_samples,
        acquisition_s=rig.plan.duration_s,
        levels=None if isinstance(levels, Continuous) else len(levels.siemens),
        largest_level_gap=None if steps is None or isinstance(levels, Continuous) else float(steps.max()),
        counts=counts,
        journal_bytes=counts.updates * (8 * ROW_ARRAYS * len(rig.edges) + 200),
        window_bytes=8 * rig.plan.total_samples * len(rig.plan.channels),
        bench_s=(rig.clock.now() - bench) / acquired * total,
        wall_s=(time.perf_counter() - wall) / acquired * total,
    )
