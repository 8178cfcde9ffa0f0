"""Whether outputs can be at their targets at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from labrig.assembly.board import Board
from labrig.config.document import Document
from labrig.config.problems import TreePath
from labrig.learning.tasks import Task
from labrig.quantities import format_quantity


def check_reach(document: Document, place: Callable[[Sequence[str | int]], TreePath], board: Board, task: Task) -> bool:
    """Whether a board may reach every target; a problem for the first one that none reaches.

    Whatever its resistors and diodes, the voltage of a node lies between the lowest and the highest of the voltages
    that drive the network and of ground, 0 V, which every source of an error is at. So a readout of outputs lies
    between the sums of the extremes that its signs choose; for amplitudes of one tone the same holds. A regression is a
    best fit: it may ask in some examples for more than there is.
    """
    if not task.exact or task.targets != "voltages":
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
    outputs = [wire.node for wire in board.hookup.outputs]
    signs = [(sign, node) for sign, node in zip(task.readout[row], outputs, strict=True) if sign]
    what = "".join(f" {'-' if sign < 0 else '+'} {node}" for sign, node in signs).removeprefix(" + ")
    target = _volts(task.target[example, row])
    where = f" in example {task.example_name(example)}" if len(task.activation) > 1 else ""
    driven = f"{_volts(float(lowest[example, 0]))} to {_volts(float(highest[example, 0]))}"
    reach = f"{_volts(float(least[example, row]))} to {_volts(float(most[example, row]))}"
    message = (
        f"target {target} for {what}{where} is out of reach: it can be {reach}, because the drives and ground span "
        f"{driven}; choose a target within reach, or drive with more"
    )
    document.report(place(task.target_key(row)), message)
    return False


def _volts(value: float) -> str:
    return format_quantity(float(value), "voltage")
