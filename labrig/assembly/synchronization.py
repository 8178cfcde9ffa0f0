"""The `timing` section: every source on the digitizer's clock, started by the digitizer's trigger.

Until labrig can recover a clock, a source with a clock of its own that follows nobody is refused by name: over a window
its tones would walk away from the samples.
"""

from __future__ import annotations

from collections.abc import Mapping

from labrig.assembly.board import Board
from labrig.assembly.devices import Device
from labrig.config.document import Document
from labrig.config.faults import TreePath
from labrig.config.sections import Timing
from labrig.instruments.drivers import DigitizerCapabilities, SourceCapabilities


def check_synchronization(
    document: Document, timing: Timing, board: Board, devices: Mapping[str, Device], activation: str
) -> None:
    """Note every source that would run on its own clock or start by itself, and every name that is no instrument."""
    digitizer = board.hookup.digitizer
    _check_names(document, timing, devices)
    if timing.clock and timing.clock.master in devices and timing.clock.master != digitizer:
        _fault(document, ("timing", "clock", "master"), f"the clock must come from {digitizer}, the digitizer")
    if timing.trigger and timing.trigger.from_ != f"{digitizer}/start":
        _fault(
            document,
            ("timing", "trigger", "from"),
            f"the trigger must be {digitizer}/start",
        )
    followers = timing.clock.followers if timing.clock else []
    master = devices[digitizer].capabilities
    assert isinstance(master, DigitizerCapabilities)
    if followers and timing.clock and timing.clock.line is None and master.clock_output is None:
        _fault(
            document,
            ("timing", "clock"),
            f"{digitizer} runs on its own oscillator, which has no output to {', '.join(followers)}; "
            f"{master.clock_remedy}",
        )
    started = timing.trigger.to if timing.trigger else []
    playing = _players(board, activation)
    _check_lines(document, timing)
    sources = {name: _source(devices[name]) for name in board.hookup.sources}
    own = [name for name, able in sources.items() if able.own_clock]
    all_followers, all_started = (list(dict.fromkeys([*named, *own])) for named in (followers, started))
    for name, able in sources.items():
        if name in playing and not able.triggered and (able.own_clock or len(playing) > 1):
            key, value = able.trigger_setting
            _fault(
                document,
                ("instruments", name, key),
                f"the tones of {name} would start by a command, at any phase; let the digitizer's trigger start them: "
                f"{key}: {value}",
            )
        if not able.own_clock:
            continue
        if name in followers and not able.external_clock:
            key, value = able.clock_setting
            _fault(document, ("instruments", name, key), f"{name} follows {digitizer}'s clock: write '{key}: {value}'")
        if name not in followers:
            _fault(
                document,
                ("timing",),
                f"{name} is left on its own clock; connect its 10 MHz input and write "
                f"'clock: {{master: {digitizer}, followers: [{', '.join(all_followers)}]}}'",
            )
        if name not in started:
            _fault(
                document,
                ("timing",),
                f"{name} would start by itself; connect its trigger input and write "
                f"'trigger: {{from: {digitizer}/start, to: [{', '.join(all_started)}], line: PFI0}}'",
            )


def _source(device: Device) -> SourceCapabilities:
    assert isinstance(device.capabilities, SourceCapabilities)
    return device.capabilities


def _check_lines(document: Document, timing: Timing) -> None:
    clock, trigger = timing.clock, timing.trigger
    if clock and trigger and clock.line and clock.line == trigger.line:
        _fault(
            document, ("timing", "clock", "line"), f"the trigger leaves by {clock.line} already; name another terminal"
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
            _fault(document, path, f"{name!r} is no instrument of this file; there are {', '.join(devices)}")
        elif len(path) > 3 and not isinstance(devices[name].capabilities, SourceCapabilities):
            _fault(document, path, f"{name} is no source: only sources follow a clock or start with a trigger")
        elif len(path) > 3 and (path[:-1], name) in seen:
            _fault(document, path, f"{name} is named twice")
        seen.add((path[:-1], name))


def _fault(document: Document, path: TreePath, message: str) -> None:
    document.faults.add(document.mark_of(path), path, message)
