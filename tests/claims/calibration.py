"""Calibration of the worst bench (`harsh`): what the record knows, and what it does to gradients, scores and levels.

The true gains and delays are those of the imperfections of the simulation, which the calibration never sees.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from common import CONFIGS, Figure, at_least, at_most, in_parallel, seeds

from labrig.assembly import Assembly, assemble
from labrig.calibration.record import CalibrationRecord
from labrig.instruments.data import Level, LevelTable
from labrig.procedures.calibrate import Guide, Standards, calibrate
from labrig.runs.journal import Journal
from labrig.simulation.imperfections import imperfections

STANDARDS = Standards(1.8, 20e-6 / np.sqrt(3), 30e3, 100e-6 / np.sqrt(3))
FREQUENCY_HZ = 2000.0
"""The upper end of the band of Iris, where a delay turns a phase most."""


@dataclass(frozen=True)
class Trial:
    """Errors of the record (relative, rad, s), cosines of the gradient and relative rounding errors of conductances."""

    gain: float
    phase: float
    delay_s: float
    uncalibrated: float
    calibrated: float
    rounded: tuple[float, float, float]


@contextmanager
def opened(rig):
    with rig:
        yield rig


def calibrated(seed: int, levels: bool) -> tuple[Assembly, CalibrationRecord]:
    assembly = assemble(CONFIGS / "iris.yaml", ["simulation.preset=harsh", f"seed={seed}"])
    guide = Guide(assembly, STANDARDS, lambda fixture: None, opened)
    return assembly, calibrate(guide, with_levels=levels)


def cosine(assembly: Assembly, examples: int, repeats: int) -> float:
    """Smallest cosine of the measured gradient to the exact one of the same board, over a few examples."""
    setup, found = assembly.setup(), []
    truth, task, loss = setup.bench.truth, assembly.task, assembly.loss
    assert truth is not None
    with setup.rig as rig:
        update = assembly.update(rig)
        probe = assembly.probe(rig, update)
        rig.program(update.settings())
        for example in task.train[:: max(1, len(task.train) // examples)][:examples]:
            target = task.target[example]
            exact = truth.gradient(task.activation[example], lambda outputs, t=target: loss.gradient(outputs, t))
            measured = [probe.gradient(int(example)).gradient for _ in range(repeats)]
            mean = np.mean([each.value for each in measured if each is not None], axis=0)
            found.append(float(mean @ exact / np.linalg.norm(mean) / np.linalg.norm(exact)))
    return min(found)


def rounding(assembly: Assembly, record: CalibrationRecord) -> tuple[float, float, float]:
    """RMS relative error of conductances that are written by the nominal and by the measured levels, and half a gap."""
    drawn = imperfections(assembly.simulation.imperfections, assembly.simulation_seed)
    part = assembly.devices["pots"].programmer.part
    nominal = part.levels()
    assert isinstance(nominal, LevelTable)
    parts = drawn.specimens("pots", part, len(record.levels))
    wanted = np.geomspace(14e-6, 80e-6, 60)
    errors: dict[str, list[float]] = {"nominal": [], "measured": [], "gap": []}
    for number, specimen in enumerate(parts):
        table = record.levels[f"pots/{number}"]
        for name, levels in (("nominal", nominal), ("measured", table)):
            nearest = np.abs(levels.siemens[:, np.newaxis] - wanted).argmin(axis=0)
            real = np.array([specimen.conductance(Level(int(levels.codes[k]))) for k in nearest])
            errors[name] += (real / wanted - 1).tolist()
        real = np.sort([specimen.conductance(Level(int(code))) for code in nominal.codes])
        gap = np.diff(real)[np.clip(np.searchsorted(real, wanted) - 1, 0, len(real) - 2)]
        errors["gap"] += (gap / wanted / np.sqrt(12)).tolist()
    rms = [float(np.sqrt(np.mean(np.square(errors[name])))) for name in ("nominal", "measured", "gap")]
    return rms[0], rms[1], rms[2]


def trial(seed: int, short: bool) -> Trial:
    assembly, record = calibrated(seed, levels=not short)
    drawn = imperfections(assembly.simulation.imperfections, assembly.simulation_seed)
    count, of = len(record.inputs), record.of_inputs
    (transfer, *more) = drawn.transfers("daq", count)
    columns = np.arange(count)

    def read(volts: float) -> np.ndarray:
        value = transfer(np.full((1, count), volts), columns)
        for each in more:
            value = each(value, columns)
        return value[0]

    gain = of.gain / (read(1.0) - read(0.0)) - 1
    true_delay = drawn.scan_delay_s("daq", count)
    assert true_delay is not None
    pilot = count - 1
    delay = of.delay_s - (true_delay - true_delay[pilot])
    phase = 2 * np.pi * FREQUENCY_HZ * delay + np.angle(of.response_at(np.array([FREQUENCY_HZ])))[0]
    at = slice(0, pilot)  # the pilot's input has no reference: only its phase matters
    examples, repeats = (2, 4) if short else (6, 8)
    return Trial(
        float(np.abs(gain[at]).max()),
        float(np.abs(phase).max()),
        float(np.abs(delay).max()),
        cosine(assembly, examples, repeats),
        cosine(replace(assembly, calibration=record), examples, repeats),
        (np.nan, np.nan, np.nan) if short else rounding(assembly, record),
    )


def scores(seed: int, calibrate_first: bool) -> tuple[float, float]:
    """Test accuracy of a run: as it measures it, and as it is."""
    assembly = assemble(CONFIGS / "iris.yaml", ["simulation.preset=harsh", f"seed={seed}"])
    if calibrate_first:
        assembly = replace(assembly, calibration=calibrated(seed, levels=True)[1])
    setup, task = assembly.setup(), assembly.task
    with tempfile.TemporaryDirectory() as folder, setup.rig as rig, Journal(Path(folder) / "run.db") as journal:
        experiment, truth = assembly.experiment(rig, journal), setup.bench.truth
        assert truth is not None
        experiment.run(lambda: False, lambda _: None)
        outputs = np.array([truth.outputs(task.activation[example]) for example in task.test])
        return experiment.metrics["test_accuracy"], task.figures(task.test, outputs)["accuracy"]


def measure(short: bool) -> Iterator[Figure]:
    chosen = seeds("calibration", 1 if short else 4)
    trials = in_parallel(trial, chosen, [short] * len(chosen))
    worst = min(each.uncalibrated for each in trials)
    yield from (
        at_most("gain of an input against the truth", max(each.gain for each in trials), 100e-6),
        at_most("phase of an input at 2 kHz (rad)", max(each.phase for each in trials), 0.2e-3),
        at_most("delay of an input (s)", max(each.delay_s for each in trials), 10e-9),
        Figure("smallest cosine of a gradient, not calibrated", f"{worst:.4f}", "stated", True),
        at_least("smallest cosine of a gradient, calibrated", min(each.calibrated for each in trials), 0.99, ".5f"),
    )
    if short:
        return
    nominal, measured, gap = np.mean([each.rounded for each in trials], axis=0)
    text = f"{100 * nominal:.2g} %, {100 * measured:.2g} %"
    goal = f"≤ 1.1 × {100 * gap:.2g} %"
    yield Figure("error of a written conductance, nominal and measured", text, goal, measured <= 1.1 * gap)
    ten = seeds("calibration", 10)
    for name, first in (("not calibrated", False), ("calibrated", True)):
        own, true = np.array(in_parallel(scores, ten, [first] * 10)).T
        said = f"{own.mean():.3f}, {true.mean():.3f}, {true.min():.3f}"
        yield Figure(f"{name}: own accuracy, true, worst true (10 seeds)", said, "stated", True)
