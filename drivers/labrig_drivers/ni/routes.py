"""Problems of start triggers and terminals of NI devices that can be found from the configuration alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from labrig.instruments.drivers import InstrumentOptions
from labrig_drivers.ni.clocks import cdaq_chassis, chassis_number, split_terminal
from labrig_drivers.ni.device import NiOptions
from labrig_drivers.ni.input_options import NiAnalogInputOptions
from labrig_drivers.ni.output_options import NiAnalogOutputOptions

_SUBSYSTEM = re.compile(r"ai|ao|di|do|ctr\d+|port\d+", re.IGNORECASE)
_BUS = re.compile(r"pxi_trig\d|rtsi\d")
_CONNECTOR = re.compile(r"a?pfi\d+")


def input_problems(name: str, entries: Mapping[str, InstrumentOptions]) -> Iterator[tuple[str, str]]:
    """Yield (option, problem) for each problem with the terminals of a digitizer."""
    own = entries[name]
    assert isinstance(own, NiAnalogInputOptions)
    for key in ("start_trigger", "export_start", "export_clock"):
        problem = _unreachable(own, getattr(own, key), entries)
        if problem:
            yield key, problem
    if own.start_trigger and _terminal(own.start_trigger, own) == (_timed_by(own), "ai/starttrigger"):
        yield "start_trigger", f"{own.start_trigger} is this device's own start; remove it, or name another trigger"


def output_problems(name: str, entries: Mapping[str, InstrumentOptions]) -> Iterator[tuple[str, str]]:
    """Yield (option, problem) if there is a problem with the start trigger of a source of tones."""
    own = entries[name]
    assert isinstance(own, NiAnalogOutputOptions)
    if own.start_trigger is None:
        return
    problem = _unreachable(own, own.start_trigger, entries) or _never_comes(own, own.start_trigger, entries)
    if problem:
        yield "start_trigger", problem


def _unreachable(own: NiOptions, text: str | None, entries: Mapping[str, InstrumentOptions]) -> str | None:
    """Why no signal can pass between a device and a terminal; None if a signal may."""
    if text is None:
        return None
    if not text.startswith("/"):
        head, slash, _ = text.partition("/")
        outside = slash and not _SUBSYSTEM.fullmatch(head)
        return f"{text!r} begins with the name of a device; write '/{text}', with a leading slash" if outside else None
    listed = [entry for entry in entries.values() if isinstance(entry, NiOptions)]
    known = {
        name.casefold(): name for entry in listed for name in (entry.resource, cdaq_chassis(entry.resource)) if name
    }
    if not any(isinstance(entry, NiAnalogInputOptions) for entry in listed) or any(map(_is_renamed_module, listed)):
        return None
    written = text[1:].partition("/")[0]
    if written.casefold() in known:
        if _one_bus(written, own.resource):
            return None
        return (
            f"{text} is in another PXI chassis, with no trigger lines to {own.resource}; connect a terminal of the "
            "digitizer (export_start: PFI0) to a terminal of the source (start_trigger: PFI0) by a cable"
        )
    return f"no instrument in this file is the device {written!r}; the NI devices are {', '.join(known.values())}"


def _never_comes(own: NiOptions, text: str, entries: Mapping[str, InstrumentOptions]) -> str | None:
    """Why no start signal can arrive at a terminal; None if one may arrive."""
    device, signal = _terminal(text, own)
    digitizers = {name: entry for name, entry in entries.items() if isinstance(entry, NiAnalogInputOptions)}
    first = next(iter(digitizers), None)
    start = (
        f"/{cdaq_chassis(digitizers[first].resource) or digitizers[first].resource}/ai/StartTrigger" if first else ""
    )
    instead = (
        f"write '{start}', the start of {first}" if first else "name the terminal that the digitizer's start is on"
    )
    if signal == "ao/starttrigger" and device in (own.resource.casefold(), _timed_by(own)):
        return f"{text} is this source's own start, which would wait for itself; {instead}"
    if signal.startswith("ai/") and not any(device in _names(entry) for entry in digitizers.values()):
        return f"no digitizer in this file is the device of {text}, so no start signal comes from it; {instead}"
    if signal == "ai/referencetrigger":
        return f"labrig's acquisitions have no reference trigger, so none comes at {text}; {instead}"
    if not first or any(entry.start_trigger for entry in digitizers.values()):
        return None
    exports = [_terminal(entry.export_start, entry) for entry in digitizers.values() if entry.export_start]
    outputs = f"export the start of {first} (export_start), or {instead}"
    if _BUS.fullmatch(signal) and not any(line == signal and _one_bus(at, device) for at, line in exports):
        return f"no instrument in this file outputs its start at {text}; {outputs}"
    if _CONNECTOR.fullmatch(signal) and not exports:
        return f"no instrument in this file outputs its start, so no cable can bring it to {text}; {outputs}"
    return None


def _timed_by(entry: NiOptions) -> str:
    """The device whose terminals an entry uses, casefolded; a module uses the terminals of its chassis."""
    return (cdaq_chassis(entry.resource) or entry.resource).casefold()


def _names(entry: NiOptions) -> set[str]:
    return {entry.resource.casefold(), _timed_by(entry)}


def _terminal(text: str, own: NiOptions) -> tuple[str, str]:
    return split_terminal(text, _timed_by(own))


def _one_bus(one: str, other: str) -> bool:
    """Whether two devices may share trigger lines, which they cannot if their names show different PXI chassis."""
    numbers = chassis_number(one), chassis_number(other)
    return None in numbers or numbers[0] == numbers[1]


def _is_renamed_module(entry: NiOptions) -> bool:
    """Whether an entry is a CompactDAQ module whose chassis is not known."""
    return re.fullmatch(r"NI[\s-]*9\d{3}.*", entry.model or "", re.IGNORECASE) is not None and not cdaq_chassis(
        entry.resource
    )
