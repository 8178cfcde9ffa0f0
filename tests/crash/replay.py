"""A journal replayed: whether every update that was applied is the one that its measurement asks for, and is right.

A measurement that a fault spoilt gives a wrong gradient, which nothing in the journal contradicts. So gradients are
compared with the exact adjoint of the board as it was, which a test can know where parts are as their data sheets say.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from labrig.assembly import Assembly
from labrig.assembly.benches.simulated import build
from labrig.instruments.data import Continuous, LevelTable
from labrig.learning.updates import Update
from labrig.rig.rig import Rig
from labrig.runs.journal import Record
from labrig.simulation.bench import SimulatedBench


def largest_error(assembly: Assembly, record: Record) -> float:
    """Replays the updates of a journal exactly, or fails; the largest relative error of a gradient (‖Δ‖/‖g‖)."""
    bench = build(assembly)
    names = [edge.name for edge in assembly.board.hookup.edges]
    update = begun(assembly)
    errors = [0.0]
    for row, examples in enumerate(record.examples):
        bench.world.set(bench.clock.now(), dict(zip(names, update.conductances, strict=True)))
        exact = np.mean([_gradient(assembly, bench, example) for example in examples], axis=0)
        gradient = record.gradient[row]
        errors.append(float(np.linalg.norm(gradient - exact) / np.linalg.norm(exact)))
        update.apply(gradient)
        np.testing.assert_array_equal(record.shadow[row], update.shadow)
        np.testing.assert_array_equal(record.conductances[row], update.conductances)
    return max(errors)


def begun(assembly: Assembly) -> Update:
    """The update as a run begins with it."""
    edges = assembly.board.hookup.edges
    return assembly.update(cast("Rig", SimpleNamespace(levels=_levels(assembly, build(assembly)), edges=edges)))


def _levels(assembly: Assembly, bench: SimulatedBench) -> list[LevelTable | Continuous]:
    """Of every edge."""
    edges = assembly.board.hookup.edges
    devices = {edge.device: assembly.devices[edge.device] for edge in edges}
    banks: dict[str, Any] = {
        name: bench.connect(name, device.driver, device.options) for name, device in devices.items()
    }
    return [banks[edge.device].levels()[edge.channel] for edge in edges]


def _gradient(assembly: Assembly, bench: SimulatedBench, example: int) -> np.ndarray:
    task = assembly.task
    return bench.truth.gradient(
        task.activation[example], lambda outputs: assembly.loss.gradient(outputs, task.target[example])
    )
