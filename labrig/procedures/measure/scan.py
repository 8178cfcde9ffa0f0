"""Drives every channel in turn, and finds the nodes that answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from labrig.learning.measurement import Excitation
from labrig.procedures.measure.comparison import Measurement, Meter
from labrig.procedures.measure.excitations import error_tone, excitation
from labrig.rig.hookup import SourceWire

if TYPE_CHECKING:
    from labrig.assembly import Assembly
    from labrig.rig.rig import Rig

Array = NDArray[np.float64]
Mark = Literal["answers", "silent", "missing", "wrong", "unexpected", "unknown"]

DRIVE_SHARE = 0.8
"""Level of a driven input, relative to the largest activation of the task."""


@dataclass(frozen=True)
class Answer:
    """The answers of all sensed nodes (C,) to one driven channel, in the unit of the nodes.

    Attributes
    ----------
    wire : SourceWire
        The driven channel and its node.
    drive : float
        Drive of the channel: the level or amplitude of an input, an error current, or the amplitude of the pilot.
    flows : bool
        Whether `drive` is a current (or another flow).
    read, expected, within : (C,) arrays
        Measured change of each node, expected change, and the largest accepted difference between the two; the last two
        are NaN if conductances are unknown.
    """

    wire: SourceWire
    drive: float
    flows: bool
    read: Array
    expected: Array
    within: Array

    def mark(self, column: int) -> Mark:
        """Return how a node answered: "wrong" is a wrong size or sign, "unexpected" an answer where none should be."""
        read, expected, within = (float(each[column]) for each in (self.read, self.expected, self.within))
        if not within >= 0.0:
            return "unknown"
        should = abs(expected) > within
        if abs(read - expected) <= within:
            return "answers" if should else "silent"
        if not should:
            return "unexpected"
        return "wrong" if abs(read) > within else "missing"


@dataclass(frozen=True)
class Scan:
    """The names of the sensed nodes (C,), and the answers to all driven channels, the pilot last."""

    nodes: tuple[str, ...]
    answers: tuple[Answer, ...]

    @property
    def off(self) -> list[tuple[Answer, int]]:
        """Every answer that is not as expected: the driven channel, and the index of the node."""
        wrong = ("missing", "wrong", "unexpected")
        columns = range(len(self.nodes))
        return [(row, column) for row in self.answers for column in columns if row.mark(column) in wrong]


def scan(assembly: Assembly, rig: Rig, meter: Meter) -> Scan:
    """Drive the inputs and the error sources of an open rig one after the other; return how the nodes answer.

    A node's answer is its reading minus its reading with nothing driven, so that zeros of channels cancel. Readings
    that contradict what the sources play raise no error here; all other errors of `Rig.measure` are raised.
    """
    trusted, rig.wiring_trusted = rig.wiring_trusted, False
    try:
        rest = meter.measure(Excitation(np.zeros(len(rig.hookup.inputs))))
        driven = [
            _answer(wire, drive, flows, meter.measure(played), rest, tone)
            for wire, drive, flows, played, tone in _driven(assembly, rig)
        ]
        pilot_v = assembly.acquisition.pilot / len(rig.tones.frequencies_hz)
        driven.append(_answer(rig.hookup.pilot, pilot_v, False, rest, rest, 0))
    finally:
        rig.wiring_trusted = trusted
    return Scan(tuple(wire.node for wire in rig.hookup.senses), tuple(driven))


def _driven(assembly: Assembly, rig: Rig) -> Iterator[tuple[SourceWire, float, bool, Excitation, int | None]]:
    """Yield each channel, its drive, whether that is a current, the excitation, and the tone at which it is read."""
    hookup = rig.hookup
    level = DRIVE_SHARE * float(np.abs(assembly.task.activation).max())
    current = min(assembly.learning.error.largest, rig.largest_error_a)
    still, tone = np.zeros(len(hookup.inputs)), 0 if rig.activation == "sine" else None
    for number, wire in enumerate(hookup.inputs):
        flows = wire.actuator is not None and wire.actuator.makes_flow
        alone = still.copy()
        alone[number] = level
        yield wire, level, flows, Excitation(alone), tone
    for number, wire in enumerate(hookup.outputs):
        currents = np.zeros(len(hookup.outputs))
        currents[number] = current
        yield wire, current, True, excitation(assembly, rig, still, currents), error_tone(assembly, rig, number)


def _answer(
    wire: SourceWire, drive: float, flows: bool, found: Measurement, rest: Measurement, tone: int | None
) -> Answer:
    read, compared = found.read, found.comparison
    values = read.dc - rest.read.dc if tone is None else read.channel_in_phase[tone]
    if compared is None:
        unknown = np.full_like(values, np.nan)
        return Answer(wire, drive, flows, values, unknown, unknown)
    if tone is None:
        return Answer(wire, drive, flows, values, compared.expected.dc, compared.within.dc)
    return Answer(wire, drive, flows, values, compared.expected.in_phase[tone], compared.within.in_phase[tone])
