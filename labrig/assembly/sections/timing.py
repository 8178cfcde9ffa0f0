"""The `timing` section: every source on the digitizer's clock, started by the digitizer's trigger.

Until labrig can recover a clock, a source with a clock of its own that follows nobody is refused by name: over a window
its tones would walk away from the samples.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from labrig.assembly.board import Board
from labrig.assembly.sections.instruments import Device
from labrig.assembly.sections.learning import LearningChoice
from labrig.config.document import Document
from labrig.config.problems import TreePath
from labrig.config.section import Section
from labrig.instruments.drivers import SourceCapabilities


class ClockTiming(Section):
    """Who gives the 10 MHz, and who follows it; line: the terminal it leaves by."""

    master: str
    followers: list[str] = []
    line: str | None = None


class TriggerTiming(Section):
    """from: `daq/start`, the digitizer's own start; to: sources that begin with it; line: the terminal it leaves by."""

    from_: str = Field(alias="from")
    to: list[str] = []
    line: str | None = None


class Timing(Section):
    """Clock and start trigger between instruments."""

    clock: ClockTiming | None = None
    trigger: TriggerTiming | None = None


def check_synchronization(
    document: Document, synchronization: Timing, board: Board, devices: Mapping[str, Device], learning: LearningChoice
) -> None:
    """Note every source that would run on its own clock or start by itself, and every name that is no instrument."""
    timing, digitizer = synchronization, board.hookup.digitizer
    _check_names(document, timing, devices)
    if timing.clock and timing.clock.master in devices and timing.clock.master != digitizer:
        document.report(("timing", "clock", "master"), f"the clock must come from {digitizer}, the digitizer")
    if timing.trigger and timing.trigger.from_ != f"{digitizer}/start":
        document.report(
            ("timing", "trigger", "from"),
            f"the trigger must be {digitizer}/start",
        )
    followers = timing.clock.followers if timing.clock else []
    master = devices[digitizer].digitizer
    if followers and timing.clock and timing.clock.line is None and master.clock_output is None:
        document.report(
            ("timing", "clock"),
            f"{digitizer} runs on its own oscillator, which has no output to {', '.join(followers)}; "
            f"{master.clock_remedy}",
        )
    started = timing.trigger.to if timing.trigger else []
    playing = _players(board, learning.section.activation)
    _check_lines(document, timing)
    sources = {name: devices[name].source for name in board.hookup.sources}
    own = [name for name, able in sources.items() if able.own_clock]
    all_followers, all_started = (list(dict.fromkeys([*named, *own])) for named in (followers, started))
    for name, able in sources.items():
        if name in playing and not able.triggered and (able.own_clock or len(playing) > 1):
            key, value = able.trigger_setting
            document.report(
                ("instruments", name, key),
                f"the tones of {name} would start by a command, at any phase; let the digitizer's trigger start them: "
                f"{key}: {value}",
            )
        if not able.own_clock:
            continue
        if name in followers and not able.external_clock:
            key, value = able.clock_setting
            document.report(("instruments", name, key), f"{name} follows {digitizer}'s clock: write '{key}: {value}'")
        if name not in followers:
            document.report(
                ("timing",),
                f"{name} is left on its own clock; connect its 10 MHz input and write "
                f"'clock: {{master: {digitizer}, followers: [{', '.join(all_followers)}]}}'",
            )
        if name not in started:
            document.report(
                ("timing",),
                f"{name} would start by itself; connect its trigger input and write "
                f"'trigger: {{from: {digitizer}/start, to: [{', '.join(all_started)}], "
                f"line: {master.example_terminal}}}'",
            )


def _check_lines(document: Document, timing: Timing) -> None:
    clock, trigger = timing.clock, timing.trigger
    if clock and trigger and clock.line and clock.line == trigger.line:
        document.report(
            ("timing", "clock", "line"), f"the trigger leaves by {clock.line} already; name another terminal"
        )


def _players(board: Board, activation: str) -> set[str]:
    """Sources that play tones; others play only DC."""
    wires = (*board.hookup.outputs, board.hookup.pilot, *(board.hookup.inputs if activation == "sine" else ()))
    return {wire.device for wire in wires}


def _check_names(document: Document, timing: Timing, devices: Mapping[str, Device]) -> None:
    places: list[tuple[TreePath, str]] = []
    if timing.clock:
        places.append((("timing", "clock", "master"), timing.clock.master))
        places += [(("timing", "clock", "followers", k), name) for k, name in enumerate(timing.clock.followers)]
    if timing.trigger:
        places.append((("timing", "trigger", "from"), timing.trigger.from_.partition("/")[0]))
        places += [(("timing", "trigger", "to", k), name) for k, name in enumerate(timing.trigger.to)]
    seen: set[tuple[TreePath, str]] = set()
    for path, name in places:
        if name not in devices:
            document.report(path, f"{name!r} is no instrument of this file; there are {', '.join(devices)}")
        elif len(path) > 3 and not isinstance(devices[name].capabilities, SourceCapabilities):
            document.report(path, f"{name} is no source: only sources follow a clock or start with a trigger")
        elif len(path) > 3 and (path[:-1], name) in seen:
            document.report(path, f"{name} is named twice")
        seen.add((path[:-1], name))
