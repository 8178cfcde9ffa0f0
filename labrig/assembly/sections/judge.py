"""The `judge` section: the instruments that measure the outputs after training, beside the rig's own digitizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from labrig.assembly.board import Board
from labrig.assembly.sections.header import Header
from labrig.assembly.sections.instruments import Device
from labrig.assembly.sections.learning import LearningChoice
from labrig.config.document import Document
from labrig.config.section import Section
from labrig.config.validation import validate
from labrig.config.wiring import expand_range, in_words
from labrig.instruments.drivers import DigitizerCapabilities
from labrig.quantities import as_written
from labrig.rig.judge import JudgeWires

PATH = ("judge", "outputs")


class Judge(Section):
    """The channels of other digitizers that measure the outputs, in the order of the outputs."""

    outputs: str


@dataclass(frozen=True)
class JudgeChoice:
    """The judge's wires; None if there is no judge."""

    wires: JudgeWires | None


def read_judge(
    document: Document, header: Header, devices: Mapping[str, Device], board: Board, learning: LearningChoice
) -> JudgeChoice | None:
    """Read the section; return None if it has problems."""
    if header.judge is None:
        return JudgeChoice(None)
    section = validate(document, ("judge",), Judge)
    if section is None:
        return None
    try:
        labels = [label for part in section.outputs.split(",") for label in expand_range(part)]
    except ValueError as error:
        document.report(PATH, str(error))
        return None
    problem = _problem(labels, devices, board, learning)
    if problem:
        document.report(PATH, problem)
        return None
    wires = (label.partition("/") for label in labels)
    return JudgeChoice(JudgeWires(tuple((device, channel) for device, _, channel in wires)))


def _problem(labels: list[str], devices: Mapping[str, Device], board: Board, learning: LearningChoice) -> str | None:
    """Return what is wrong with the channels; None if nothing is."""
    rig = board.hookup.digitizer
    others = [
        each for each, one in devices.items() if isinstance(one.capabilities, DigitizerCapabilities) and each != rig
    ]
    for label in labels:
        name, slash, channel = label.partition("/")
        if not slash:
            return f"{as_written(label)} is not a channel; write instrument/channel, e.g. 'dmm/0..2'"
        if name == rig:
            return f"{name} is the digitizer of the rig; the judge must be another digitizer"
        if name not in others:
            known = f"{', '.join(others)}" if others else "none; add one to instruments"
            return f"{as_written(name)} is not a digitizer that could judge; digitizers other than {rig}: {known}"
        channels = devices[name].capabilities.channels
        if channel not in channels:
            return f"{as_written(label)}: {name} has {len(channels)} channels, {in_words(channels)}"
    if twice := [label for label in labels if labels.count(label) > 1]:
        return f"{twice[0]} is listed twice; every output needs its own channel"
    outputs = [wire.output for wire in board.hookup.outputs]
    if len(labels) != len(outputs):
        return f"{len(labels)} channels for {len(outputs)} outputs ({', '.join(outputs[:6])}); one is needed for each"
    if learning.section.activation != "dc":
        return "a judge measures constant voltages, but the activation is a sine; use 'activation: dc', or no judge"
    return None
