"""Whether the outputs can reach their targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from labrig.assembly.board import Board
from labrig.config.document import Document
from labrig.config.problems import TreePath
from labrig.learning.tasks import Task
from labrig.medium import medium_in_use


def check_reach(document: Document, place: Callable[[Sequence[str | int]], TreePath], board: Board, task: Task) -> bool:
    """Return whether every target is within reach; report the first target that is not.

    In any network of resistors and diodes a node voltage lies between the lowest and the highest of the drives and
    0 V (ground, and the error sources while they are off). This bounds every readout, which is a signed sum of outputs.
    The same holds for the amplitudes of one tone, and for pressures in tubes. A regression is a best fit, so its
    targets may be out of reach.
    """
    flows = any(wire.actuator is not None and wire.actuator.makes_flow for wire in board.hookup.inputs)
    if not task.exact or task.targets != "voltages" or flows or not medium_in_use().within_drives:
        return True
    lowest = np.minimum(task.activation.min(axis=1), 0.0)[:, None]
    highest = np.maximum(task.activation.max(axis=1), 0.0)[:, None]
    plus = np.maximum(task.readout, 0.0).sum(axis=1)
    minus = np.maximum(-task.readout, 0.0).sum(axis=1)
    least, most = lowest * plus - highest * minus, highest * plus - lowest * minus
    slack = 1e-9 * (highest - lowest)
    beyond = (task.target < least - slack) | (task.target > most + slack)
    if not beyond.any():
        return True
    example, row = (int(k) for k in np.argwhere(beyond)[0])
    outputs = [wire.output for wire in board.hookup.outputs]
    signs = [(sign, node) for sign, node in zip(task.readout[row], outputs, strict=True) if sign]
    what = "".join(f" {'-' if sign < 0 else '+'} {node}" for sign, node in signs).removeprefix(" + ")
    target = _volts(task.target[example, row])
    where = f" in example {task.example_name(example)}" if len(task.activation) > 1 else ""
    driven = f"{_volts(float(lowest[example, 0]))} to {_volts(float(highest[example, 0]))}"
    reach = f"{_volts(float(least[example, row]))} to {_volts(float(most[example, row]))}"
    message = (
        f"target {target} for {what}{where} is out of reach: it can be {reach}, because the drives and ground span "
        f"{driven}; choose a target within reach, or larger drives"
    )
    document.report(place(task.target_key(row)), message)
    return False


def _volts(value: float) -> str:
    return medium_in_use().text("state", value)
