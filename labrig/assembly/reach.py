"""Whether the outputs can reach their targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from labrig.assembly.board import Board
from labrig.config.document import Document
from labrig.config.problems import TreePath
from labrig.learning.tasks import Task
from labrig.learning.tasks.voltages import RMS_SHARE
from labrig.medium import medium_in_use

Array = NDArray[np.float64]


def check_reach(document: Document, place: Callable[[Sequence[str | int]], TreePath], board: Board, task: Task) -> bool:
    """Return whether every target is within reach; report the first target that is not.

    In any network of resistors and diodes a node voltage lies between the lowest and the highest of the drives and
    0 V (ground, and the error sources while they are off). This bounds every readout, which is a signed sum of outputs.
    The same holds for the amplitudes of one tone, and for pressures in tubes. A regression is a best fit, so targets in
    its table that are beyond the drives of their own example only cause a warning.
    """
    flows = any(wire.actuator is not None and wire.actuator.makes_flow for wire in board.hookup.inputs)
    fitted = not task.exact
    if (fitted and not task.target_place(0, 0)) or task.targets != "voltages":
        return True
    if flows or not medium_in_use().within_drives:
        return True
    lowest = np.minimum(task.activation.min(axis=1), 0.0)[:, None]
    highest = np.maximum(task.activation.max(axis=1), 0.0)[:, None]
    plus = np.maximum(task.readout, 0.0).sum(axis=1)
    minus = np.maximum(-task.readout, 0.0).sum(axis=1)
    least, most = lowest * plus - highest * minus, highest * plus - lowest * minus
    if fitted:
        return _check_table(document, place, task, least, most)
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


def _check_table(
    document: Document, place: Callable[[Sequence[str | int]], TreePath], task: Task, least: Array, most: Array
) -> bool:
    """Return whether the targets of a table can be fitted; readouts reach from `least` to `most`, (M, R) each."""
    excess = np.maximum(task.target - most.max(axis=0), least.min(axis=0) - task.target)
    beyond = excess > 1e-9 * (most.max(axis=0) - least.min(axis=0))
    if beyond.any():
        example, row = (int(k) for k in np.argwhere(beyond)[0])
        reach = f"{_volts(float(least[:, row].min()))} to {_volts(float(most[:, row].max()))}"
        document.report(
            place(task.target_key(row)),
            f"{_which(task, beyond)} out of reach: outputs can be {reach}, the span of the drives and ground; "
            f"{task.target_remedy(float(np.abs(most).max()))}",
        )
        return False
    slack = RMS_SHARE * float(np.sqrt(np.mean(task.target**2)))
    beyond = (task.target > most + slack) | (task.target < least - slack)
    if beyond.any():
        example, row = (int(k) for k in np.argwhere(beyond)[0])
        reach = f"{_volts(float(least[example, row]))} to {_volts(float(most[example, row]))}"
        document.warn(
            place(task.target_key(row)),
            f"{_which(task, beyond)} out of reach of the drives and ground in its own example, {reach}, so it can only "
            "be fitted approximately; scale the targets down, or add bias in encode",
        )
    return True


def _which(task: Task, beyond: NDArray[np.bool_]) -> str:
    """Return the first target that is out of reach, with the number of others."""
    example, row = (int(k) for k in np.argwhere(beyond)[0])
    count = int(beyond.sum())
    others = f" (and {count - 1} more of {beyond.size})" if count > 1 else ""
    return f"{task.target_place(example, row)}: target {_volts(task.target[example, row])}{others} is"


def _volts(value: float) -> str:
    return medium_in_use().text("state", value)
