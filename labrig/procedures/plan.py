"""What a run will do: tones, timing, levels, memory and duration."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from labrig.assembly import Assembly
from labrig.instruments.data import Continuous
from labrig.learning.schedule import Schedule
from labrig.rig.rig import Rig
from labrig.rig.zero import zeros_among

CHANGED_LEVELS = 0.1
"""Assumed fraction of the edges whose level a step changes, for the size of the journal; smaller in most runs."""

TRIAL_EXAMPLES = 12


@dataclass(frozen=True)
class Counts:
    """Number of updates, and of acquisitions for training and for evaluation, if no example is skipped."""

    updates: int
    training: int
    evaluation: int


@dataclass(frozen=True)
class Plan:
    """What a run will do, in SI units.

    `levels` is the number of levels per edge within the range (None if continuous), `bench_s` the time on the bench's
    clock, and `wall_s` the time on this computer; both times are extrapolated from a few examples. `u_gain` (relative)
    and `u_offset_v` are the standard uncertainties that the digitizer states for gain and zero; 0 if it states none.
    """

    frequencies_hz: tuple[float, ...]
    sample_rate_hz: float
    window_samples: int
    period_samples: int
    settle_samples: int
    u_gain: float
    u_offset_v: float
    acquisition_s: float
    levels: int | None
    largest_level_gap: float | None
    counts: Counts
    journal_bytes: int
    window_bytes: int
    bench_s: float
    wall_s: float


def count(
    schedule: Schedule, train: int, test: int, acquisitions: int, judged: bool = False, zero_every: int = 0
) -> Counts:
    """Count the updates and acquisitions of a schedule with a rule that takes `acquisitions` per example.

    With `judged`, an instrument measures every example once more. With `zero_every`, the acquisitions that measure the
    digitizer's zero are counted too.
    """
    updates = schedule.epochs * -(-train // schedule.batch)
    every = schedule.evaluate_every
    between = max(schedule.epochs - 1, 0) // every if every else 0
    evaluations = 1 + between + (schedule.epochs > 0) + judged
    # The last evaluation is followed by one acquisition for the spectrum.
    training, evaluation = acquisitions * schedule.epochs * train, evaluations * (train + test) + 1
    zeros = zeros_among(evaluation, zero_every)
    return Counts(updates, training + zeros_among(training + evaluation, zero_every) - zeros, evaluation + zeros)


def counts_of(assembly: Assembly, rig: Rig) -> Counts:
    """Count the updates and acquisitions of a run on an open rig."""
    task, update = assembly.task, assembly.update(rig)
    acquisitions = assembly.probe(rig, update).acquisitions
    judged = assembly.judge is not None
    return count(assembly.schedule, len(task.train), len(task.test), acquisitions, judged, rig.zero_every)


def stored_bytes(assembly: Assembly, rig: Rig) -> int:
    """Return the bytes that a run stores: rows, outputs of evaluations, and samples if `storage.raw` is set."""
    task, storage, plan, counts = assembly.task, assembly.storage, rig.plan, counts_of(assembly, rig)
    examples = len(task.train) + len(task.test)
    width = task.activation.shape[1] + task.target.shape[1]
    voltages = examples * width + 3 * counts.evaluation * len(rig.hookup.outputs)
    levels = not isinstance(rig.levels[0], Continuous)
    rows = counts.updates * row_bytes(len(rig.edges), storage.gradients_every(len(rig.edges)), levels)
    samples = (counts.training + counts.evaluation) * plan.total_samples * len(plan.channels)
    bits = assembly.devices[rig.hookup.digitizer].digitizer.bits
    return round(rows + 8 * voltages + (samples * (2 if bits <= 16 else 4) if storage.raw else 0))


def row_bytes(edges: int, gradients: int, levels: bool) -> float:
    """Return the mean bytes of a journal row: shadow, changed conductances, and a gradient every `gradients` steps."""
    return 8 * edges * (1 + 2 / gradients) + edges * (12 * CHANGED_LEVELS if levels else 8) + 200


def plan_run(assembly: Assembly, rig: Rig) -> Plan:
    """Plan a run on an open rig by timing a few examples; the rig is left at its initial settings."""
    task, update = assembly.task, assembly.update(rig)
    probe, counts = assembly.probe(rig, update), counts_of(assembly, rig)
    rig.program(update.settings())
    bench, wall, before = rig.clock.now(), time.perf_counter(), rig.acquisitions
    for example in np.resize(task.trial, TRIAL_EXAMPLES):
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
        u_gain=rig.plan.u_gain,
        u_offset_v=rig.plan.u_offset_v,
        acquisition_s=rig.plan.duration_s,
        levels=None if isinstance(levels, Continuous) else len(levels.siemens),
        largest_level_gap=None if steps is None or isinstance(levels, Continuous) else float(steps.max()),
        counts=counts,
        journal_bytes=stored_bytes(assembly, rig),
        window_bytes=8 * rig.plan.total_samples * len(rig.plan.channels),
        bench_s=(rig.clock.now() - bench) / acquired * total,
        wall_s=(time.perf_counter() - wall) / acquired * total,
    )
