"""AC-coupled instruments: they play and read tones above their lowest frequency, but no levels."""

from __future__ import annotations

from collections.abc import Mapping

from labrig.assembly.board import Board
from labrig.assembly.sections.instruments import Device
from labrig.assembly.sections.learning import LearningChoice
from labrig.config.document import Document
from labrig.config.wiring import in_words
from labrig.quantities import format_quantity
from labrig.signals.tone_planner import TonePlan


def check_coupling(
    document: Document, board: Board, devices: Mapping[str, Device], learning: LearningChoice, tones: TonePlan
) -> None:
    """Report AC-coupled instruments that would have to play or read levels, and tones that are too low for them."""
    hookup = board.hookup
    lowest_hz = {name: devices[name].source.lowest_hz for name in hookup.sources}
    lowest_hz[hookup.digitizer] = devices[hookup.digitizer].digitizer.lowest_hz
    carries_levels = {wire.device for wire in hookup.inputs} | {hookup.digitizer}
    coupled = [name for name, lowest in lowest_hz.items() if lowest and name in carries_levels]
    if coupled and learning.section.activation == "dc":
        path = ("learning", "activation")
        one = len(coupled) == 1
        message = (
            f"{in_words(coupled)} {'is' if one else 'are'} AC-coupled and cannot carry the levels of 'activation: dc'"
        )
        document.report(path if document.get(path) is not None else path[:-1], f"{message}; write 'activation: sine'")
    highest = max(lowest_hz, key=lambda name: lowest_hz[name])
    lowest_tone = min(tones.frequencies_hz)
    if lowest_tone < lowest_hz[highest]:
        path = ("acquisition", "tones")
        chosen = document.get(path)
        place = path if chosen is not None and chosen.value != "auto" else ("acquisition", "band")
        document.report(
            place,
            f"a tone of {format_quantity(lowest_tone, 'frequency')} is too low for {highest}, which is AC-coupled: its "
            f"lowest frequency is {format_quantity(lowest_hz[highest], 'frequency')}",
        )
