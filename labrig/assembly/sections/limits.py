"""The `limits` section, and checks of the drives of the task against the limits of system, instruments and parts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from labrig.assembly.board import Board
from labrig.assembly.sections.instruments import Device
from labrig.assembly.sections.learning import LearningChoice
from labrig.assembly.sections.task import TaskChoice
from labrig.config.document import Document
from labrig.config.problems import TreePath
from labrig.config.section import Section
from labrig.instruments.drivers import DigitizerCapabilities
from labrig.learning.tasks import Task
from labrig.medium import ELECTRICAL, PositivePower, PositiveState, medium_in_use
from labrig.quantities import PositiveRatio, PositiveTime, format_quantity


class Limits(Section):
    """System limits.

    Attributes
    ----------
    node : float
        Largest voltage of a source or a node (V).
    edge_power : float
        Largest power in one programmable edge (W).
    step : float
        Longest training step (s).
    misread : float
        Largest deviation of a driven node's reading from its drive, as a fraction of the sum of the drive and 0.2 V.
        At 1 or more, there is also no check that outputs move the right way.
    """

    node: PositiveState | None = Field(default_factory=lambda: _default(5.0))
    edge_power: PositivePower | None = Field(default_factory=lambda: _default(5e-3))
    step: PositiveTime = 2.0
    misread: PositiveRatio = 0.25

    @property
    def node_limit(self) -> float:
        """Largest voltage of a source or a node; infinite if there is no limit."""
        return np.inf if self.node is None else self.node

    @property
    def edge_limit(self) -> float:
        """Largest power in one edge; infinite if there is no limit."""
        return np.inf if self.edge_power is None else self.edge_power


def _default(value: float) -> float | None:
    """Return a default limit that suits boards of resistors; in other media there is no default limit."""
    return value if medium_in_use() == ELECTRICAL else None


def check_drive(
    document: Document,
    board: Board,
    devices: Mapping[str, Device],
    choice: TaskChoice,
    task: Task,
    learning: LearningChoice,
    limits: Limits,
) -> None:
    """Report every voltage of the task beyond the range of a source or the digitizer, a part's supply, or a limit.

    A limit that does not apply to the network is reported too.
    """
    hookup = board.hookup
    digitizer = devices[hookup.digitizer].capabilities
    assert isinstance(digitizer, DigitizerCapabilities)
    peak = np.abs(task.activation).max(axis=0)
    lowest, highest = task.activation.min(axis=0), task.activation.max(axis=0)
    if learning.section.activation == "sine":
        lowest, highest = -peak, peak
    supply = {wire.node: (wire.low_v, wire.high_v) for wire in hookup.senses}
    sensors = {wire.node: abs(wire.sensor) for wire in hookup.senses}
    medium = medium_in_use()
    if limits.edge_power is not None and hookup.constant_slope is not None:
        document.report(
            ("limits", "edge_power"),
            f"this limit needs edges whose power is a conductance times the square of the drop, but the parameter is a "
            f"{medium.parameter}; remove the limit (limits.node still applies)",
        )
    found: dict[TreePath, list[str]] = {}
    for column, wire in enumerate(hookup.inputs):
        flows = wire.actuator is not None and wire.actuator.makes_flow
        size = medium.text("flow" if flows else "state", peak[column])
        drive = f"{wire.node} is driven with up to {size}{task.input_note(column)}"
        low, high = supply.get(wire.node, (-np.inf, np.inf))
        played_v, full_scale_v = peak[column] * abs(wire.volts_per_drive), devices[wire.device].source.full_scale_v
        if played_v > full_scale_v:
            at = "" if wire.actuator is None else f", which needs {_volts(played_v)}"
            problem = f"{drive}{at}, above the full scale of {wire.device}, {_volts(full_scale_v)}"
        elif flows:
            continue  # the states of the nodes under a flow are known only once they are measured
        elif peak[column] * sensors.get(wire.node, 1.0) > digitizer.full_scale_v:
            problem = f"{drive}, above the full scale of {hookup.digitizer}, {_volts(digitizer.full_scale_v)}"
        elif peak[column] > limits.node_limit:
            problem = f"{drive}, above limits.node, {medium.text('state', limits.node_limit)}"
        elif highest[column] > high or lowest[column] < low:
            problem = f"{drive}, outside the supply of its parts, {_volts(low)} to {_volts(high)}"
        else:
            continue
        found.setdefault(choice.place(task.input_key(column)), []).append(problem)
    for place, problems in found.items():
        others = len(problems) - 1
        more = f" (the same for {others} more node{'s' if others > 1 else ''})" if others else ""
        document.report(place, problems[0] + more)


def _volts(value: float) -> str:
    return format_quantity(float(value), "voltage")
