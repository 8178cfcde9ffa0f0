"""Why no conductances solve a task: properties of the network that hold at all conductances."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from labrig.assembly import Assembly
from labrig.learning.tasks.goals import RMS
from labrig.medium import ELECTRICAL
from labrig.procedures.feasible.criterion import Criterion
from labrig.procedures.feasible.model import Model

Array = NDArray[np.float64]

SAME = 1e-9
"""Outputs count as equal if they differ by less than this fraction of the drives."""
_MOST_PAIRS = 200


def obstacles(assembly: Assembly, model: Model, best: Array, wanted: Sequence[Criterion]) -> Iterator[str]:
    """Yield each reason why the task is impossible; last, how many of the best conductances (E,) are at a limit."""
    yield from _unreachable(assembly, model)
    yield from _odd(model)
    yield from _affine(assembly, model, best, wanted)
    at_low, at_high = best <= model.low * (1 + SAME), best >= model.high * (1 - SAME)
    held = int((at_low | at_high).sum())
    if held:
        medium = assembly.network.physics.medium
        limits = " to ".join(medium.text("parameter", value) for value in _range(assembly))
        yield f"{held} of {len(best)} edges are at a limit of the range, {limits}: a wider range may help"


def _unreachable(assembly: Assembly, model: Model) -> Iterator[str]:
    """Yield a reason for each output that no conductance changes."""
    generator = np.random.default_rng(0)
    examples = model.task.activation[model.task.train[:8]]
    tried = [model.outputs(generator.uniform(model.low, model.high), examples) for _ in range(3)]
    size = float(np.abs(model.task.activation).max())
    for column, wire in enumerate(assembly.board.hookup.outputs):
        if max(float(np.abs(other - tried[0])[:, column].max()) for other in tried[1:]) < SAME * size:
            yield f"no conductance changes {wire.node}: no programmable edge connects it to the inputs"


def _odd(model: Model) -> Iterator[str]:
    """Yield a reason if the network is odd and examples with opposite inputs do not have opposite targets."""
    task, middle = model.task, 0.5 * (model.low + model.high)
    inputs = task.activation[task.train[:8]]
    there, back = model.outputs(middle, inputs), model.outputs(middle, -inputs)
    if np.abs(there + back).max() > 1e-6 * np.abs(inputs).max():
        return
    for first, second in list(combinations(task.train.tolist(), 2))[:_MOST_PAIRS]:
        opposite = np.allclose(task.activation[first], -task.activation[second])
        if opposite and not np.allclose(task.target[first], -task.target[second]):
            names = f"{task.example_name(first)} and {task.example_name(second)}"
            yield (
                f"the network is odd, so opposite inputs give opposite outputs, but examples {names} have opposite "
                "inputs without having opposite targets: add a bias of each sign"
            )
            return


def _affine(assembly: Assembly, model: Model, best: Array, wanted: Sequence[Criterion]) -> Iterator[str]:
    """Yield a reason if the network is linear and the loss is due to targets that are not linear in the inputs."""
    task = model.task
    if not assembly.board.network.linear or task.targets != "voltages":
        return
    inputs, targets = task.activation[task.train], task.target[task.train]
    left = _left(inputs, targets)
    with_constant = _left(np.column_stack((inputs, np.ones(len(inputs)))), targets)
    medium = assembly.network.physics.medium
    if with_constant < 0.5 * left:
        with_bias = medium.text("state", float(f"{with_constant:.3g}"))
        remedy = f"; with one more, constant input, {with_bias} would be left: add a bias"
    else:
        remedy = ": the network needs diodes, unless the rest is noise of the data" if medium == ELECTRICAL else ""
    reached = float(np.sqrt(np.mean((model.outputs(best, inputs) - targets) ** 2)))
    enough = max((each.bound for each in wanted if each.metric == RMS.metric), default=0.0)
    if left > max(1e-6 * float(np.sqrt(np.mean(targets**2))), 0.1 * reached, enough):
        yield (
            "the network is linear, and no linear function of the inputs comes closer to the targets than "
            f"{medium.text('state', float(f'{left:.3g}'))} (rms){remedy}"
        )


def _range(assembly: Assembly) -> tuple[float, float]:
    return assembly.network.programmable.range


def _left(inputs: Array, targets: Array) -> float:
    """Return the rms residual of the targets after the best linear fit to the inputs."""
    fit = np.linalg.lstsq(inputs, targets, rcond=None)[0]
    return float(np.sqrt(np.mean((inputs @ fit - targets) ** 2)))
