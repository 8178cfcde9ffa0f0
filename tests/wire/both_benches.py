"""The settings of a run, recorded once and replayed on both benches: same code width, no noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from unit.rig.benches import assembled

from labrig.instruments.data import ProgramReport, Setting
from labrig.learning.measurement import Excitation, Response
from labrig.rig.rig import Rig
from labrig.runs.journal import Journal

FAST = ("acquisition.sample_rate=50 kS/s", "acquisition.window=20 ms", "acquisition.band=[200 Hz, 2 kHz]")
"""As many samples as the card can take, which leaves a part of each channel in the next."""

QUIET = (
    *FAST,
    "simulation.noise=0 V",
    "simulation.digitizer_offset=0 V",
    "simulation.digitizer_gain=0",
    "simulation.source_amplitude=0",
    "acquisition.tones=[1050 Hz]",  # repeats only after the whole window, so that roundings average
)
CODE_V = 2 * 2.0 / 2**16
ROUNDING_V = CODE_V / np.sqrt(1000)
"""1 LSB/√N of iris_wire: ±2 V at 16 bits, 1000 samples a window."""

Settings = list[tuple[str, Any]]
"""What was called, measure or program, and with what."""


def recorded(folder: Path, steps: int, *overrides: str) -> Settings:
    """What the first steps of a run of iris_wire on the wire program and play: a generator rounds its amplitudes, and
    has a smallest one."""
    settings: Settings = []
    assembly = assembled("iris_wire", *overrides)
    with assembly.open_rig() as rig, Journal(folder / "journal.sqlite") as journal:
        measure, program = rig.measure, rig.program

        def measured(excitation: Excitation, following: Excitation | None = None) -> Response:
            response = measure(excitation, following)
            settings.append(("measure", Excitation(excitation.activation, response.error)))
            return response

        def programmed(levels: Mapping[int, Setting]) -> ProgramReport:
            settings.append(("program", levels))
            return program(levels)

        rig.measure, rig.program = measured, programmed  # type: ignore[method-assign]
        experiment = assembly.experiment(rig, journal)
        rig.program(experiment.update.settings())
        train = assembly.task.train
        for step in range(steps):
            experiment.step(0, [train[step * len(train) // steps]])
    return settings


def on_both_benches(settings: Settings, *overrides: str) -> tuple[list[Response], list[Response]]:
    """What the simulated bench and the wire measure."""
    found = []
    for bench in ("simulated", "wire"):
        with assembled("iris_wire", f"bench={bench}", *QUIET, *overrides).open_rig() as rig:
            found.append(_replayed(rig, settings))
    here, there = found
    return here, there


def _replayed(rig: Rig, settings: Settings) -> list[Response]:
    responses = []
    for what, value in settings:
        if what == "program":
            rig.program(value)
        else:
            responses.append(rig.measure(value))
    return responses


def apart(here: Sequence[Response], there: Sequence[Response], coefficient: str) -> np.ndarray:
    """Differences of every "a" or "b", in LSB/√N."""
    pairs = zip(here, there, strict=True)
    return np.array([getattr(two, coefficient) - getattr(one, coefficient) for one, two in pairs]) / ROUNDING_V
