"""The `timing` section: every source runs on the digitizer's clock and is started by the digitizer's trigger.

labrig cannot recover a clock from samples yet, so a source that runs on its own clock is rejected: its tones would
drift relative to the samples within a window.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pydantic import Field

from labrig.assembly.board import Board
from labrig.assembly.sections.instruments import Device
from labrig.assembly.sections.learning import LearningChoice
from labrig.config.document import Document
from labrig.config.problems import TreePath
from labrig.config.section import Section
from labrig.config.wiring import in_words
from labrig.instruments.drivers import DigitizerCapabilities, InstrumentOptions, SourceCapabilities


class ClockTiming(Section):
    """The 10 MHz reference clock.

    Attributes
    ----------
    master : str
        The instrument that provides the clock.
    followers : list of str
        The instruments that use it.
    line : str or None
        The output terminal of the master.
    """

    master: str
    followers: list[str] = []
    line: str | None = None


class TriggerTiming(Section):
    """The start trigger.

    Attributes
    ----------
    from_ : str
        `daq/start`, the start of the digitizer's acquisition.
    to : list of str
        The sources that it starts.
    line : str or None
        The output terminal of the digitizer.
    """

    from_: str = Field(alias="from")
    to: list[str] = []
    line: str | None = None


class Timing(Section):
    """Clock and start trigger between instruments."""

    clock: ClockTiming | None = None
    trigger: TriggerTiming | None = None


def with_lines(device: Device, timing: Timing) -> InstrumentOptions:
    """Return an instrument's options, with the output terminals for trigger and clock filled in from `timing`."""
    clock, trigger, lines = timing.clock, timing.trigger, {}
    capabilities = device.capabilities
    if not isinstance(capabilities, DigitizerCapabilities):
        return device.options
    if "start" in capabilities.exports and trigger and trigger.line and device.name == trigger.from_.partition("/")[0]:
        lines["export_start"] = trigger.line
    if "clock" in capabilities.exports and clock and clock.line and device.name == clock.master:
        lines["export_clock"] = clock.line
    return device.options.model_copy(update=lines)


def check_clock_and_trigger(
    document: Document, synchronization: Timing, board: Board, devices: Mapping[str, Device], learning: LearningChoice
) -> None:
    """Report every source that would run on its own clock or start by itself, and every unknown instrument."""
    timing, digitizer = synchronization, board.hookup.digitizer
    _check_names(document, timing, devices)
    if timing.clock and timing.clock.master in devices and timing.clock.master != digitizer:
        document.report(("timing", "clock", "master"), f"the clock must come from the digitizer, {digitizer}")
    if timing.trigger and timing.trigger.from_ != f"{digitizer}/start":
        document.report(
            ("timing", "trigger", "from"),
            f"the trigger must be the start of the digitizer, {digitizer}/start",
        )
    followers = timing.clock.followers if timing.clock else []
    master = devices[digitizer].digitizer
    if followers and timing.clock and timing.clock.line is None and master.clock_output is None:
        document.report(
            ("timing", "clock"),
            f"{digitizer} runs on its own oscillator, which has no output that {', '.join(followers)} could follow; "
            f"{master.clock_remedy}",
        )
    started = timing.trigger.to if timing.trigger else []
    playing = _players(board, learning.section.activation)
    _check_lines(document, timing, digitizer, master)
    _check_connections(document, timing, devices, {digitizer} | playing)
    sources = {name: devices[name].source for name in board.hookup.sources}
    own = [name for name, capabilities in sources.items() if capabilities.own_clock]
    all_followers, all_started = (
        [
            name
            for name in dict.fromkeys([*named, *own])
            if name in devices and name != digitizer and _plays(devices, name)
        ]
        for named in (followers, started)
    )
    for name, capabilities in sources.items():
        if name in playing and not capabilities.triggered and (capabilities.own_clock or len(playing) > 1):
            key, value = capabilities.trigger_setting
            document.report(
                ("instruments", name, key),
                f"the tones of {name} would be started by a command, at a random phase; start them with the "
                f"digitizer's trigger: write '{key}: {value}'",
            )
        if not capabilities.own_clock:
            if name in playing:
                _check_clock_source(document, name, capabilities, digitizer, master, followers)
            continue
        if not (timing.trigger and timing.trigger.line) and master.start_terminals == ():
            problem = f"{digitizer} has no terminal that outputs its start trigger for {name}; {master.start_remedy}"
            document.report(("timing",), problem)
        if name in followers and not capabilities.external_clock:
            key, value = capabilities.clock_setting
            document.report(("instruments", name, key), f"{name} follows {digitizer}'s clock: write '{key}: {value}'")
        if name not in followers and master.clock_output is None and master.clock_terminals == ():
            document.report(
                ("timing",),
                f"{name} runs on its own clock, and cannot follow that of {digitizer}, which has no clock output; "
                f"{master.clock_remedy}",
            )
            continue
        if name not in followers:
            line = _clock_line(master, timing)
            document.report(
                ("timing",),
                f"{name} runs on its own clock; connect its 10 MHz input and write "
                f"'clock: {{master: {digitizer}, followers: [{', '.join(all_followers)}]{line}}}'",
            )
        if name not in started:
            document.report(
                ("timing",),
                f"{name} would start without a trigger; connect its trigger input and write "
                f"'trigger: {{from: {digitizer}/start, to: [{', '.join(all_started)}], "
                f"line: {master.example_terminal}}}'",
            )


def _plays(devices: Mapping[str, Device], name: str) -> bool:
    return isinstance(devices[name].capabilities, SourceCapabilities)


def _clock_line(master: DigitizerCapabilities, timing: Timing) -> str:
    """Return the key that names the digitizer's clock output; empty if the output does not depend on a key."""
    taken = {master.example_terminal, timing.trigger.line if timing.trigger else None}
    free = [terminal for terminal in master.clock_terminals or () if terminal not in taken]
    return "" if master.clock_output or not free else f", line: {free[0]}"


def _check_connections(
    document: Document, timing: Timing, devices: Mapping[str, Device], names: Collection[str]
) -> None:
    """Report the problems that the drivers of these instruments find with their terminals."""
    entries = {name: with_lines(device, timing) for name, device in devices.items()}
    for name in (name for name in devices if name in names):
        check = devices[name].driver.connection_problems
        for key, message in check(name, entries) if check else ():
            document.report(_place_of(document, timing, name, key), message)


def _place_of(document: Document, timing: Timing, name: str, key: str) -> TreePath:
    """Return where an option is written: in the instrument's entry, or as the line of `timing` that sets it."""
    signal = {"export_start": "trigger", "export_clock": "clock"}.get(key)
    line: TreePath = ("timing", signal or "", "line")
    return line if signal and document.get(line) is not None else ("instruments", name, key)


def _check_clock_source(
    document: Document,
    name: str,
    source: SourceCapabilities,
    digitizer: str,
    master: DigitizerCapabilities,
    followers: Sequence[str],
) -> None:
    """Report a source whose tones follow another clock than the digitizer's samples.

    Clocks connected by a cable count as one clock; `timing.clock` names such connections.
    """
    tones, samples = source.clock_source, master.clock_source
    if tones is None or samples is None or tones.may_be(samples):
        return
    remedy = source.clock_source_remedy
    if source.clock_input and master.clock_output:
        if name in followers:
            return
        output, there = master.clock_output.format(name=digitizer), source.clock_input.format(name=name)
        remedy = (
            f"connect the {output} to {there} and write 'clock: {{master: {digitizer}, followers: "
            f"[{', '.join([*followers, name])}]}}' under timing, or use {name} for constant levels only"
        )
        if tones.kind == samples.kind:
            remedy = f"use cards of one chassis, or {remedy}"
    path = ("instruments", name, "reference_clock")
    document.report(
        path if document.get(path) is not None else path[:-1],
        f"the tones of {name} would drift: they follow {tones.name}, but the samples of {digitizer} follow "
        f"{samples.name}; {remedy}",
    )


def _check_lines(document: Document, timing: Timing, digitizer: str, master: DigitizerCapabilities) -> None:
    clock, trigger = timing.clock, timing.trigger
    clock_line, trigger_line = clock.line if clock else None, trigger.line if trigger else None
    if clock_line and clock_line == trigger_line:
        problem = f"{clock_line} already carries the trigger; choose another terminal"
        document.report(("timing", "clock", "line"), problem)
        return
    signals = (
        ("clock", clock_line, master.clock_terminals, "the clock that its samples follow", master.clock_remedy),
        ("trigger", trigger_line, master.start_terminals, "its start trigger", master.start_remedy),
    )
    own = f"/{(master.address or '').rpartition('/')[2]}/".casefold()
    for key, line, terminals, signal, remedy in signals:
        name = (line or "").casefold().removeprefix(own)
        if not name or terminals is None or name.startswith("/"):  # terminals of other devices are not known here
            continue
        if not terminals:
            problem = f"{digitizer} has no terminal that outputs {signal}; {remedy}"
        elif name not in {each.casefold() for each in terminals}:
            problem = f"{digitizer} cannot output {signal} at {line}; use one of {in_words(terminals)}"
        else:
            continue
        document.report(("timing", key, "line"), problem)


def _players(board: Board, activation: str) -> set[str]:
    """Return the sources that play tones; all others play only DC."""
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
            document.report(
                path, f"{name!r} is not an instrument in this file; the instruments are {', '.join(devices)}"
            )
        elif len(path) > 3 and not isinstance(devices[name].capabilities, SourceCapabilities):
            document.report(path, f"{name} is not a source; only sources follow a clock or a trigger")
        elif len(path) > 3 and (path[:-1], name) in seen:
            document.report(path, f"{name} is named twice; remove one")
        seen.add((path[:-1], name))
