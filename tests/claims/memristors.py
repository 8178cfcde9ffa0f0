"""Memristors written by pulses: every cell gets its conductance, by the World's truth, and Iris trains on each kind.

A cell counts as right if its true conductance is within the tolerance at the moment of its last reading.
"""

from __future__ import annotations

import numpy as np
from common import Figure, at_least, at_most, in_parallel, seeds, train

from labrig.instruments.data import Continuous
from labrig.instruments.parts import find_part
from labrig.instruments.parts.memristor import Memristor
from labrig.instruments.write_verify import write_verify
from labrig.random_streams import RandomStream
from labrig.simulation.world import Cells

CELLS = 256
RANGES = {
    "TIO2": [],
    "RERAM": ["network.programmable={edges: all, range: [4 µS, 36 µS]}"],
    "PCM": ["network.programmable={edges: all, range: [3 µS, 22 µS]}"],
}
READ_V, READ_S = 0.2, 1e-3


class _Cell:
    """One cell of the World, with nothing else on the board."""

    def __init__(self, cells: Cells, channel: str) -> None:
        self._cells, self._channel = cells, channel

    def read(self) -> float:
        return self._cells.read(0.0, self._channel, READ_V, READ_S)

    def pulse(self, volts: float, width_s: float) -> float:
        self._cells.pulse(0.0, self._channel, volts, width_s)
        return self.read()


def written(part_name: str, tolerance: float, seed: int) -> tuple[int, np.ndarray, float]:
    """How many of 256 cells are right, the pulses of each, and the readings of a cell on average."""
    part = find_part(part_name)
    assert isinstance(part, Memristor)
    able = part.levels()
    assert isinstance(able, Continuous)
    draw = RandomStream(seed, "claim").at(0)
    specimens = {f"c/{k}": part.drawn(draw) for k in range(CELLS)}
    targets = draw.uniform(able.minimum, able.maximum, CELLS)
    cells = Cells(specimens, {}, seed, lambda *_: None)
    pulses, right = np.zeros(CELLS), 0
    for k, (channel, target) in enumerate(zip(specimens, targets.tolist(), strict=True)):
        outcome = write_verify(_Cell(cells, channel), target, tolerance, part.ramp)
        pulses[k] = outcome.pulses
        right += outcome.converged and abs(cells.siemens(0.0, channel) / target - 1) <= tolerance
    assert cells.strongest_v <= part.ramp.stop_v
    return right, pulses, cells.reads / CELLS


def accuracy(part: str, seed: int, epochs: int) -> float:
    """Test accuracy of Iris on cells of this kind, at the last epoch."""
    overrides = [f"instruments.cells.part={part}", *RANGES[part], f"learning.epochs={epochs}"]
    if part != "TIO2":
        overrides += ["learning.error.current=1 µA", "learning.temperature=50 mV"]
    return train("iris_memristor.yaml", seed, overrides)["test_accuracy"]


def measure(short: bool) -> list[Figure]:
    figures = []
    (seed,) = seeds("memristors", 1)
    for part in RANGES:
        for tolerance in (0.05, 0.01):
            right, pulses, reads = written(part, tolerance, seed)
            says = f"{part}: cells of {CELLS} within {tolerance:.0%}"
            figures.append(at_least(says, right, CELLS, ".0f"))
            says = f"{part}, {tolerance:.0%}: pulses of a cell, median (95th percentile {np.percentile(pulses, 95):.0f}"
            figures.append(Figure(f"{says}; {reads:.0f} readings)", f"{np.median(pulses):.0f}", "stated", True))
    several = seeds("iris on memristors", 1 if short else 10)
    for part in RANGES:
        epochs = 2 if short else 40
        found = np.array(in_parallel(accuracy, [part] * len(several), several, [epochs] * len(several)))
        says = f"Iris on {part}: mean test accuracy, {len(several)} seeds, {epochs} epochs"
        figures.append(at_least(says, found.mean(), 0.5 if short else 0.90))
        if not short:
            figures.append(at_most(f"Iris on {part}: seeds below 0.90", float((found < 0.9).sum()), 3, ".0f"))
    return figures
