"""The experiments and readings of a self-test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Experiment:
    """One acquisition.

    Attributes
    ----------
    setting : int
        Index of the settings of the edges.
    activation : (I,) array
        Level of every input, or the signed amplitude of its tone (V).
    output : int or None
        The output into which the error current is injected; None without an error current.
    """

    setting: int
    activation: Array
    output: int | None = None


@dataclass(frozen=True)
class Readings:
    """All experiments, and the readings of the channels.

    Attributes
    ----------
    siemens : (M, E) array
        Nominal conductances of the M settings (S).
    experiments : tuple of X Experiment
        The acquisitions that were made.
    volts : (X, C) array
        Reading of every channel (V): its level, or its in-phase amplitude at the tone of the activation or the error.
    u_volts : (X, C) array
        Standard error of each reading (V).
    pilot_v : (X,) array
        Amplitude of the pilot (V).
    """

    siemens: Array
    experiments: tuple[Experiment, ...]
    volts: Array
    u_volts: Array
    pilot_v: Array


def planned(
    inputs: int, outputs: int, edges: int, amplitude_v: float, generator: np.random.Generator
) -> tuple[list[Experiment], NDArray[np.bool_]]:
    """Return the experiments, and whether each edge is high (M, E) in each of their M settings.

    The first setting is the initial one, in which every input is driven alone, and then the error current is injected
    into one output after the other. In every other setting each edge is low or high at random, so that no two edges
    have the same history.
    """
    alone = amplitude_v * np.eye(inputs)
    first = [Experiment(0, row) for row in alone]
    first += [Experiment(0, np.zeros(inputs), output) for output in range(outputs)]
    bits = 4 + int(np.ceil(np.log2(max(2, edges))))
    codes = generator.choice(2**bits, edges, replace=False)
    half = (codes >> np.arange(bits)[:, np.newaxis]) % 2 == 1
    settings = 2 * bits
    high = np.zeros((settings + 1, edges), dtype=bool)
    high[1::2], high[2::2] = half, ~half  # every edge is low as often as high
    others = [
        Experiment(setting, amplitude_v * generator.choice([-1.0, 1.0], inputs))
        for setting in range(1, settings + 1)
        for _ in range(2)
    ]
    return first + others, high
