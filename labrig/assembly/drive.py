"""Whether what the task wants to drive is within the instruments, the parts and the limits."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from labrig.assembly.board import Board
from labrig.assembly.devices import Device
from labrig.config import sections
from labrig.config.document import Document
from labrig.config.faults import TreePath
from labrig.instruments.data import LevelTable
from labrig.instruments.drivers import DigitizerCapabilities, ProgrammerCapabilities, SourceCapabilities
from labrig.learning.losses import SquaredError
from labrig.learning.rules import LARGEST_MISFIT
from labrig.learning.tasks import Task
from labrig.learning.updates import within
from labrig.lockin.demodulator import PILOT_SIGNAL_TO_NOISE
from labrig.quantities import format_quantity
from labrig.rig.hookup import SourceWire
from labrig.signals.planner import TonePlan


def check_range(document: Document, network: sections.Network, board: Board, devices: Mapping[str, Device]) -> None:
    """The conductance range must lie within what the parts can do, and hold levels."""
    path = ("network", "programmable", "range")
    low, high = network.programmable.range
    for name in board.hookup.programmers:
        able = devices[name].capabilities
        assert isinstance(able, ProgrammerCapabilities)
        part = able.part.levels()
        least, greatest = float(part.siemens[0]), float(part.siemens[-1])
        if low < least or high > greatest:
            document.faults.add(
                document.mark_of(path),
                path,
                f"{able.part.part} of {name} realizes {_siemens(least)} to {_siemens(greatest)}, not "
                f"{_siemens(low)} to {_siemens(high)}; stay within, or choose another part",
            )
            continue
        levels = within(part, low, high)
        assert isinstance(levels, LevelTable)
        if len(levels.codes) < 2:
            document.faults.add(
                document.mark_of(path),
                path,
                f"{able.part.part} of {name} has {'1 level' if len(levels.codes) else 'no level'} in this range; "
                "choose a wider one, where its levels are dense",
            )


def check_drive(
    document: Document,
    board: Board,
    devices: Mapping[str, Device],
    section: sections.Task,
    task: Task,
    learning: sections.Learning,
    acquisition: sections.Acquisition,
    limits: sections.Limits,
    tones: TonePlan | None,
) -> None:
    """Activation, error current and pilot against full scales, supplies and limits.

    tones: None where they have faults of their own; the least pilot is then not checked.
    """
    hookup = board.hookup
    digitizer = devices[hookup.digitizer].capabilities
    assert isinstance(digitizer, DigitizerCapabilities)
    peak = np.abs(task.activation).max(axis=0)
    lowest, highest = task.activation.min(axis=0), task.activation.max(axis=0)
    if learning.activation == "sine":
        lowest, highest = -peak, peak
    supply = {wire.node: (wire.low_v, wire.high_v) for wire in hookup.senses}
    faults: list[str] = []
    at_fault: dict[TreePath, list[str]] = {}
    for column, wire in enumerate(hookup.inputs):
        place = _place(section, column, len(hookup.inputs))
        clip = " (clip × full_scale)" if section.classification and place[-1] == "full_scale" else ""
        drive = f"{wire.node} is driven with up to {_volts(peak[column])}{clip}"
        low, high = supply.get(wire.node, (-np.inf, np.inf))
        found = len(faults)
        if peak[column] > _full_scale(devices, wire.device):
            faults.append(
                f"{drive}, beyond the full scale of {wire.device}, {_volts(_full_scale(devices, wire.device))}"
            )
        elif peak[column] > digitizer.full_scale_v:
            faults.append(f"{drive}, beyond the full scale of {hookup.digitizer}, {_volts(digitizer.full_scale_v)}")
        elif peak[column] > limits.node:
            faults.append(f"{drive}, beyond limits.node, {_volts(limits.node)}")
        elif highest[column] > high or lowest[column] < low:
            faults.append(f"{drive}, outside the supply of the parts on it, {_volts(low)} to {_volts(high)}")
        if len(faults) > found:
            at_fault.setdefault(place, []).append(faults[-1])
    for place, messages in at_fault.items():
        more = f" (and so {'is 1 more node' if len(messages) == 2 else f'are {len(messages) - 1} more nodes'})"
        more = more if len(messages) > 1 else ""
        document.faults.add(document.mark_of(place), place, messages[0] + more)
    _check_error(document, board, devices, learning, limits)
    _check_compliance(document, board, task)
    _check_pilot(document, board, devices, acquisition, digitizer, limits)
    if tones:
        _check_least_pilot(document, board, acquisition, digitizer, tones)
        _check_pilot_tones(document, board, devices, tones)
        _check_least_error(document, board, devices, learning, digitizer, tones)
        _check_least_drive(document, board, section, task, digitizer, tones)


def _place(section: sections.Task, column: int, inputs: int) -> TreePath:
    """The key that sets the voltage of an input."""
    if section.allostery:
        return "task", "allostery", "inputs", column
    if section.xor:
        return "task", "xor", "amplitude"
    if section.divider:
        return "task", "divider", "input"
    constant = len(section.encode.bias) if section.encode else 0
    if column >= inputs - constant:
        return "task", "encode", "bias", column - (inputs - constant)
    return "task", "encode", "full_scale"


def _check_error(
    document: Document,
    board: Board,
    devices: Mapping[str, Device],
    learning: sections.Learning,
    limits: sections.Limits,
) -> None:
    path = ("learning", "error", "current")
    for wire in board.hookup.outputs:
        needed = learning.error.current * wire.volts_per_ampere
        limit = min(_full_scale(devices, wire.device), limits.node)
        if needed > limit:
            document.faults.add(
                document.mark_of(path),
                path,
                f"{format_quantity(learning.error.current, 'current')} through {_through(wire)} into {wire.node} "
                f"needs {_volts(needed)}, {wire.device} and limits.node allow {_volts(limit)}: at most "
                f"{format_quantity(limit / wire.volts_per_ampere, 'current')}",
            )
            return


def _check_compliance(document: Document, board: Board, task: Task) -> None:
    """A target that the outputs can only reach where their current sources fail could be trained for, never measured.

    Readout r of outputs within ± c is within ± |r| · c.
    """
    wires = board.hookup.outputs
    if not isinstance(task.loss, SquaredError) or not any(wire.howland for wire in wires):
        return
    compliance = np.array([wire.howland.compliance_v if wire.howland else np.inf for wire in wires])
    for row, target in zip(task.loss.readout, np.abs(task.target).max(axis=0), strict=True):
        read = np.flatnonzero(row)
        if target > np.abs(row[read]) @ compliance[read]:
            wire = wires[read[compliance[read].argmin()]]
            path = ("wiring", wire.node, "through", "compliance")
            document.faults.add(
                document.mark_of(path),
                path,
                f"{wire.node} cannot reach a target of {_volts(target)} within a compliance of "
                f"{_volts(compliance[read].min())}: such a measurement would be refused",
            )
            return


def _check_pilot(
    document: Document,
    board: Board,
    devices: Mapping[str, Device],
    acquisition: sections.Acquisition,
    digitizer: DigitizerCapabilities,
    limits: sections.Limits,
) -> None:
    path = ("acquisition", "pilot")
    limit = min(_full_scale(devices, board.hookup.pilot.device), limits.node, digitizer.full_scale_v)
    if acquisition.pilot > limit:
        document.faults.add(
            document.mark_of(path),
            path,
            f"a pilot of {_volts(acquisition.pilot)} is beyond what its source, the digitizer and limits.node allow, "
            f"{_volts(limit)}",
        )


def _check_least_pilot(
    document: Document,
    board: Board,
    acquisition: sections.Acquisition,
    digitizer: DigitizerCapabilities,
    tones: TonePlan,
) -> None:
    """Rounding to the step q is noise of q/√12 at least; an amplitude over N samples is known to √(2/N) of it."""
    step = 2 * digitizer.full_scale_v / 2**digitizer.bits
    count = len(tones.frequencies_hz)
    least = count * PILOT_SIGNAL_TO_NOISE * step / math.sqrt(12) * math.sqrt(2 / tones.window_samples)
    if acquisition.pilot < least:
        path = ("acquisition", "pilot")
        shared = f", shared by {count} tones," if count > 1 else ""
        document.faults.add(
            document.mark_of(path),
            path,
            f"a pilot of {_volts(acquisition.pilot)}{shared} drowns in the steps of {board.hookup.digitizer}, "
            f"{_volts(step)}, over {tones.window_samples} samples; its phase gives every sign: write at least "
            f"{_volts(_rounded_up(least))}, better 1 V",
        )


def _check_pilot_tones(document: Document, board: Board, devices: Mapping[str, Device], tones: TonePlan) -> None:
    """The pilot is a tone at every frequency, at once."""
    name = board.hookup.pilot.device
    able = devices[name].capabilities
    assert isinstance(able, SourceCapabilities)
    count = len(tones.frequencies_hz)
    if count > able.most_tones:
        path = ("instruments", name, "resource")
        if document.get(path) is None:
            path = path[:-1]
        most = f"{able.most_tones} tone{'s' if able.most_tones > 1 else ''}"
        document.faults.add(
            document.mark_of(path),
            path,
            f"{name} plays at most {most} at once as it is connected, the pilot is {count}: {able.tones_remedy}",
        )


def _check_least_error(
    document: Document,
    board: Board,
    devices: Mapping[str, Device],
    learning: sections.Learning,
    digitizer: DigitizerCapabilities,
    tones: TonePlan,
) -> None:
    """Too small for the source to play it closely enough, or for the digitizer to see it at all: no node moves by more
    than the current through the source's own resistance."""
    path = ("learning", "error", "current")
    step = 2 * digitizer.full_scale_v / 2**digitizer.bits
    seen_v = step / math.sqrt(12) * math.sqrt(2 / tones.window_samples)
    for wire in board.hookup.outputs:
        able = devices[wire.device].capabilities
        assert isinstance(able, SourceCapabilities)
        # What is below half the smallest amplitude becomes nothing, what is above it the smallest.
        playable = able.least_v / 2 / LARGEST_MISFIT / wire.volts_per_ampere
        visible = seen_v / wire.ohm
        least = max(playable, visible)
        if learning.error.current >= least:
            continue
        why = (
            f"{wire.device} plays no tone below {_volts(able.least_v)}, so smaller ones of the errors would be wrong"
            if playable > visible
            else f"it moves no node by a step of {board.hookup.digitizer}, {_volts(step)}, over the window"
        )
        document.faults.add(
            document.mark_of(path),
            path,
            f"{format_quantity(learning.error.current, 'current')} into {wire.node} is too small: {why}; write at "
            f"least {format_quantity(_rounded_up(least), 'current')}",
        )
        return


def _check_least_drive(
    document: Document,
    board: Board,
    section: sections.Task,
    task: Task,
    digitizer: DigitizerCapabilities,
    tones: TonePlan,
) -> None:
    """Examples that no digitizer could tell apart: no node of resistors and diodes moves by more than its sources."""
    least = task.activation.min(axis=0) if len(task.activation) > 1 else 0.0
    reach = np.abs(task.activation - least).max(axis=0)
    column = int(reach.argmax())
    step = 2 * digitizer.full_scale_v / 2**digitizer.bits
    seen_v = step / math.sqrt(12 * tones.window_samples)
    if not 0 < reach[column] < seen_v:
        return
    path = _place(section, column, len(board.hookup.inputs))
    what = "the inputs of two examples differ by" if len(task.activation) > 1 else "the inputs are"
    document.faults.add(
        document.mark_of(path),
        path,
        f"{what} {_volts(reach[column])} at most: that moves no node by a step of {board.hookup.digitizer}, "
        f"{_volts(step)}, over the window; write at least {_volts(_rounded_up(seen_v))}, better a good part of its "
        f"range, {_volts(digitizer.full_scale_v)}",
    )


def _rounded_up(value: float) -> float:
    """To one digit."""
    unit = 10.0 ** math.floor(math.log10(value))
    return math.ceil(value / unit) * unit


def _through(wire: SourceWire) -> str:
    if wire.howland is None:
        return format_quantity(wire.ohm, "resistance")
    return f"a Howland source of {format_quantity(wire.howland.transconductance_s, 'transconductance')}"


def _full_scale(devices: Mapping[str, Device], name: str) -> float:
    able = devices[name].capabilities
    assert isinstance(able, SourceCapabilities)
    return able.full_scale_v


def _volts(value: float) -> str:
    return format_quantity(float(value), "voltage")


def _siemens(value: float) -> str:
    return f"{value * 1e6:.5g} µS" if value < 1e-3 else f"{value * 1e3:.5g} mS"
