"""The keys that may be `auto` (rate, temperature, error current), and provisional values for them.

The values of a run are chosen from its first gradients (`labrig.procedures.auto`). Until then, and in commands that do
not train, provisional values are used so that everything else can be checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from labrig.config.document import Document
from labrig.config.marked import Marked
from labrig.config.problems import TreePath, render_path
from labrig.errors import ConfigError
from labrig.medium import medium_in_use
from labrig.quantities import exact_quantity, parse_quantity

if TYPE_CHECKING:
    from labrig.assembly.board import Board
    from labrig.learning.tasks import Task

AUTO = "auto"
RATE: TreePath = ("learning", "rate")
TEMPERATURE: TreePath = ("learning", "temperature")
ERROR: TreePath = ("learning", "error")

SWING = 0.005
"""Change of an output due to the error current, relative to the largest activation. With an activation of 1 V this is
5 mV, well below the thermal voltage of a diode."""

PROVISIONAL_RATE = 0.05
PROVISIONAL_TEMPERATURE = 0.05
"""Relative to the largest activation."""


@dataclass(frozen=True)
class Auto:
    """The keys of a configuration that are `auto`, and the document that contains them."""

    document: Document
    keys: tuple[TreePath, ...]

    def with_values(self, values: Mapping[TreePath, float | str]) -> Document:
        """Return the document with these values in place of `auto`, and without the problems found so far."""
        root = self.document.root
        for path, value in values.items():
            root = _placed(root, path, value)
        return replace(self.document, root=root, warnings=[])


def auto_of(document: Document) -> Auto:
    """Return the keys that are `auto`."""
    current = (*ERROR, medium_in_use().flow_key)
    keys = tuple(path for path in (RATE, TEMPERATURE, current) if _is_auto(document.get(path)))
    return Auto(document, keys)


def require_numbers(auto: Auto | None, what: str) -> None:
    """Raise ConfigError if a key is `auto`; `what` names the command, which cannot choose values itself."""
    if auto is None or not auto.keys:
        return
    *others, last = (render_path(path) for path in auto.keys)
    keys = f"{', '.join(others)} and {last}" if others else last
    raise ConfigError(
        f"{keys} {'is' if len(auto.keys) == 1 else 'are'} auto, but {what} cannot choose values",
        remedy="after `labrig run`, give config.resolved.yaml from the folder of the run, which has the chosen values",
    )


def provisional(auto: Auto, board: Board | None, task: Task | None, initial: Any) -> dict[TreePath, float | str]:
    """Return provisional values: the error current from the nominal board, the others from constants.

    Parameters
    ----------
    auto : Auto
        The keys that are `auto`.
    board, task : Board and Task, or None
        None if the configuration has problems, so that it could not be built.
    initial : (E,) array or None
        Initial conductances.
    """
    medium = medium_in_use()
    flow, state = parse_quantity(medium.example("flow")).value, 1.0
    if task is not None:
        state = float(np.abs(task.activation).max()) or 1.0
    if board is not None and task is not None and initial is not None:
        flow = min(SWING * state / _state_per_flow(board, initial), _most(board))
    values: dict[TreePath, float | str] = {
        RATE: PROVISIONAL_RATE,
        TEMPERATURE: exact_quantity(PROVISIONAL_TEMPERATURE * state, medium.state),
        (*ERROR, medium.flow_key): exact_quantity(float(f"{flow:.2g}"), medium.flow),
    }
    return {path: value for path, value in values.items() if path in auto.keys}


def _most(board: Board) -> float:
    """Return half the largest flow that every error source can deliver."""
    return 0.5 * min(wire.full_scale_v / abs(wire.volts_per_ampere) for wire in board.hookup.outputs)


def _state_per_flow(board: Board, initial: Any) -> float:
    """Return the largest change of an output per flow of its own error source, at the initial conductances."""
    network, outputs = board.network, board.hookup.outputs
    solver = network.equilibrium()
    solver.set_parameters(initial)
    place = {source.node: row for row, source in enumerate(network.sources)}
    small = np.zeros((len(outputs) + 1, len(network.sources)))
    for row, wire in enumerate(outputs, start=1):
        small[row, place[wire.node]] = 1e-3 * wire.full_scale_v
    states = np.atleast_2d(solver.states(small))
    moved = [
        abs(states[row, node] - states[0, node]) / (1e-3 * wire.full_scale_v / abs(wire.volts_per_ampere))
        for row, wire in enumerate(outputs, start=1)
        for node in [network.nodes.index(wire.output)]
    ]
    return float(max(moved)) or 1.0


def _is_auto(written: Marked | None) -> bool:
    return written is not None and written.value == AUTO


def _placed(root: Marked, path: TreePath, value: float | str) -> Marked:
    """Return the tree with another value at an existing path; the value is marked as chosen."""
    if not path:
        return replace(root, value=value, origin=AUTO, text=None)
    assert isinstance(root.value, dict)
    key = str(path[0])
    return replace(root, value={**root.value, key: _placed(root.value[key], path[1:], value)})
