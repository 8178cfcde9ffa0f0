"""Checks of `learning.error`: whether the error current can be played and measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from labrig.assembly.board import Board
from labrig.assembly.recommended import rounded_down, rounded_up
from labrig.assembly.sections.instruments import Device
from labrig.assembly.sections.learning import LearningChoice
from labrig.assembly.sections.limits import Limits
from labrig.assembly.sections.network import NetworkChoice
from labrig.config.document import Document
from labrig.learning.rules.frequency_propagation import LARGEST_MISFIT
from labrig.learning.tasks import Task
from labrig.medium import medium_in_use
from labrig.network.physics import HasSecondQuantity, Layout
from labrig.quantities import format_quantity
from labrig.rig.hookup import SourceWire
from labrig.signals.tone_planner import TonePlan


def check_error(
    document: Document,
    board: Board,
    devices: Mapping[str, Device],
    learning: LearningChoice,
    limits: Limits,
    tones: TonePlan | None = None,
) -> None:
    """Check the error current against the sources, the limits and the digitizer.

    Whether the current is too small is checked only if `tones` is given.
    """
    current, role = learning.section.error.largest, _role(learning)
    path = ("learning", "error", learning.section.error.flow_key)
    _check_where(document, board, learning)
    for wire in board.hookup.outputs:
        needed = current * abs(wire.volts_per_ampere)
        node = limits.node_limit if wire.actuator is None else math.inf
        limit = min(devices[wire.device].source.full_scale_v, node)
        if needed > limit:
            document.report(
                path,
                f"{_flow(current, role)} through {_through(wire)} into {wire.node} needs {_volts(needed)}, but "
                f"{wire.device} and limits.node allow only {_volts(limit)}: use at most "
                f"{_flow(rounded_down(limit / abs(wire.volts_per_ampere), 4), role)}",
            )
            break
    if tones is not None:
        _check_least_error(document, board, devices, learning, tones)


def check_carrier(document: Document, learning: LearningChoice, network: NetworkChoice, layout: Layout) -> None:
    """Report a carrier that needs a second quantity, if the nodes of the network carry none."""
    if not learning.carrier_class.quantity or (isinstance(layout, HasSecondQuantity) and layout.second):
        return
    name, medium, key = learning.section.error.carrier, medium_in_use(), network.physics.second_key
    add = f"write network.{key}, or use" if key else "use"
    message = f"{name} needs nodes that carry a {medium.second_state}, but this network has none; {add} shared_tone"
    document.report(("learning", "error", "carrier"), message)


def check_slope(document: Document, learning: LearningChoice, layout: Layout) -> None:
    """Report an activation or a rule that requires edges of energy ½ · parameter · drop², if the network has others."""
    if all(edge.slope is None for edge in layout.edges):
        return
    quadratic = "the energy of an edge is not half its parameter times its drop squared"
    if learning.section.activation == "sine":
        message = f"the amplitude of a tone does not follow the parameters in this network: {quadratic}; use dc"
        document.report(("learning", "activation"), message)
    if learning.rule_class.of_squares:
        message = f"this rule reads ½u² of the edges, but in this network {quadratic}; use frequency_propagation"
        document.report(("learning", "rule"), message)


def check_aperture(document: Document, board: Board, devices: Mapping[str, Device], learning: LearningChoice) -> None:
    """Report a rule or a carrier that squares samples, if the digitizer averages each sample over an aperture."""
    name = board.hookup.digitizer
    if not devices[name].digitizer.aperture_s:
        return
    averages = f"{name} averages each sample over its exposure, and the square of a mean is not the mean of squares"
    if learning.rule_class.of_squares:
        message = f"this rule computes ½u² of the edges from samples, but {averages}; use frequency_propagation"
        document.report(("learning", "rule"), message)
    if learning.carrier_class.sidebands:
        message = f"this carrier computes ½u² of the edges from samples, but {averages}; use shared_tone"
        document.report(("learning", "error", "carrier"), message)


def _check_where(document: Document, board: Board, learning: LearningChoice) -> None:
    """Report an error that is injected as one quantity at a node that carries the other, and would not respond."""
    medium, name = medium_in_use(), learning.section.error.carrier
    flow, second_flow = medium.flow.replace("_", " "), medium.second_flow.replace("_", " ")
    for wire in board.hookup.outputs:
        if bool(wire.reads) == learning.carrier_class.quantity:
            continue
        if wire.reads:
            message = f"{name} injects a {flow}, but {wire.node} carries a {medium.second_state}"
            remedy = f"wire the error of {wire.reads} instead, or use 'carrier: chemical'"
        else:
            message = f"{name} releases a {second_flow}, but {wire.node} carries a {medium.state}"
            remedy = f"wire the error at the node of its {medium.second_state} instead"
        document.report(("wiring", wire.node, "error"), f"{message}; {remedy}")
        return


def check_compliance(document: Document, board: Board, task: Task) -> None:
    """Report a target that the outputs can reach only outside the compliance of their current sources.

    If the outputs are within ± c, a readout with signs r is within ± |r| · c.
    """
    wires = board.hookup.outputs
    if task.targets != "voltages" or not any(wire.howland for wire in wires):
        return
    compliance = np.array([wire.howland.compliance_v if wire.howland else np.inf for wire in wires])
    for row, target in zip(task.readout, np.abs(task.target).max(axis=0), strict=True):
        read = np.flatnonzero(row)
        if target > np.abs(row[read]) @ compliance[read]:
            wire = wires[read[compliance[read].argmin()]]
            document.report(
                ("wiring", wire.node, "through", "compliance"),
                f"{wire.node} cannot reach a target of {_volts(target)} within a compliance of "
                f"{_volts(compliance[read].min())}, so measurements would be rejected; use smaller targets or "
                "a source with more compliance",
            )
            return


def _check_least_error(
    document: Document, board: Board, devices: Mapping[str, Device], learning: LearningChoice, tones: TonePlan
) -> None:
    """Report a current that is too small for a source to play accurately, or for the digitizer to resolve.

    No node changes by more than the current times the resistance of its source.
    """
    current, role = learning.section.error.largest, _role(learning)
    digitizer = devices[board.hookup.digitizer].digitizer
    sensors = {each.node: abs(each.sensor) for each in board.hookup.senses}
    seen_v = digitizer.step_v / math.sqrt(12) * math.sqrt(2 / tones.window_samples)
    for wire in board.hookup.outputs:
        source = devices[wire.device].source
        # Amplitudes below half the smallest playable amplitude are played as 0, those above half as the smallest.
        playable = source.least_v / 2 / LARGEST_MISFIT / abs(wire.volts_per_ampere)
        visible = seen_v / sensors[wire.node] / wire.ohm
        least = max(playable, visible)
        if current >= least:
            continue
        why = (
            f"{wire.device} plays no tone below {_volts(source.least_v)}, so small errors would be played incorrectly"
            if playable > visible
            else f"no node changes by more than the quantization noise of {board.hookup.digitizer}, "
            f"with steps of {_volts(digitizer.step_v)}"
        )
        enough = _flow(rounded_up(least), role)
        document.report(
            ("learning", "error", learning.section.error.flow_key),
            f"{_flow(current, role)} into {wire.node} is too small: {why}; use at least {enough}",
        )
        return


def _through(wire: SourceWire) -> str:
    if wire.actuator is not None:
        return f"an actuator of {wire.actuator.per_volt:g} per volt (SI units)"
    if wire.howland is None:
        return format_quantity(wire.ohm, "resistance")
    return f"a Howland source of {format_quantity(wire.howland.transconductance_s, 'transconductance')}"


def _role(learning: LearningChoice) -> Literal["flow", "second_flow"]:
    return "second_flow" if learning.carrier_class.quantity else "flow"


def _flow(value: float, role: Literal["flow", "second_flow"]) -> str:
    return medium_in_use().text(role, value)


def _volts(value: float) -> str:
    return format_quantity(float(value), "voltage")
