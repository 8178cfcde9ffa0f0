"""What every instrument keeps, whatever its kind: opening, identity, safety, closing."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from labrig.instruments.data import Identity, Setting
from labrig.instruments.drivers import ProgrammerCapabilities, SourceCapabilities
from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig.testing.calls import interrupted, recorded_touches, refused, require_ctrl_c, succeeded
from labrig.testing.levels import patterns
from labrig.testing.station import Subject

Check = Callable[[Subject], Any]

STRIKES_S = (0.0005, 0.002, 0.006, 0.02)
"""How long after the beginning of a call Ctrl-C comes: on the wire, within its first, a middle and a late message."""


def opening_is_the_first_io(subject: Subject) -> None:
    """Constructing an instrument reaches nothing; opening it does what is needed."""
    subject.connect().close()  # the bench itself may have to start, and modules to be imported
    with recorded_touches() as touches:
        instrument = subject.connect()
    instrument.close()
    assert not touches, f"{subject.name}: something was reached before open: {'; '.join(touches)}"


def identity_is_stable_and_as_configured(subject: Subject) -> Identity:
    """The same answer twice, in two sessions, and the model and serial number that the configuration names."""
    with subject.opened() as instrument:
        first, second = instrument.identify(), instrument.identify()
    with subject.opened() as instrument:
        third = instrument.identify()
    assert first == second == third, f"{subject.name}: identify answers {first}, then {second}, then {third}"
    assert first.model, f"{subject.name}: identify names no model"
    for what in ("model", "serial"):
        wanted, found = getattr(subject.device.options, what), getattr(first, what)
        assert not wanted or wanted == found, (
            f"{subject.name}: answers as {what} {found!r}, the configuration names {wanted!r}"
        )
    return first


def safe_at_any_time(subject: Subject) -> None:
    """make_safe before open, after it, twice, after close."""
    instrument = subject.connect()
    succeeded(f"{subject.name}: make_safe before open", instrument.make_safe)
    try:
        instrument.open()
        succeeded(f"{subject.name}: make_safe after open", instrument.make_safe)
        succeeded(f"{subject.name}: make_safe once more", instrument.make_safe)
    finally:
        instrument.close()
    succeeded(f"{subject.name}: make_safe after close", instrument.make_safe)


def safe_after_a_failed_open(subject: Subject) -> None:
    """An instrument that is not there: open fails in labrig's words, make_safe and close do not fail."""
    instrument = subject.absent()
    refused(f"{subject.name}: opening an instrument that is not there", instrument.open)
    succeeded(f"{subject.name}: make_safe after a failed open", instrument.make_safe)
    succeeded(f"{subject.name}: close after a failed open", instrument.close)
    refused(f"{subject.name}: identify after a failed open", instrument.identify)


def closes_at_any_time(subject: Subject) -> None:
    """close before open and twice; a closed instrument leaves the way free for the next."""
    instrument = subject.connect()
    succeeded(f"{subject.name}: close before open", instrument.close)
    instrument.open()
    succeeded(f"{subject.name}: close", instrument.close)
    succeeded(f"{subject.name}: close once more", instrument.close)
    with subject.opened() as another:
        succeeded(f"{subject.name}: identify after it was closed and opened again", another.identify)


def nothing_works_before_open_or_after_close(subject: Subject) -> None:
    """Every use is refused with a LabrigError, never with an error of a library."""
    instrument = subject.connect()
    for action, call in uses(subject, instrument).items():
        refused(f"{subject.name}: {action} before open", call)
    instrument.open()
    instrument.make_safe()
    instrument.close()
    for action, call in uses(subject, instrument).items():
        refused(f"{subject.name}: {action} after close", call)


def ctrl_c_leaves_it_safe(subject: Subject) -> None:
    """Interrupted while it opens or works, an instrument can still be made safe and closed, and opened by the next."""
    require_ctrl_c()
    with warnings.catch_warnings():
        # What a library was interrupted in leaks: PyVISA looks for its libraries in a program of their own.
        warnings.simplefilter("ignore", ResourceWarning)
        _strike(subject)
        gc.collect()


def _strike(subject: Subject) -> None:
    for action in ("open", "a call"):
        for after_s in STRIKES_S:
            instrument = _here(subject)
            if action == "open":
                work = [instrument.direct.open]
            else:
                instrument.open()
                work = list(uses(subject, instrument.direct).values())
            interrupted(f"{subject.name}: {action}", partial(_each, work), after_s)
            _safe_and_closed(subject, instrument, f"Ctrl-C in {action}")
            gc.collect()  # in this thread: what is left of an interrupted call may hold locks of this thread
    instrument = _here(subject)
    try:
        succeeded(f"{subject.name}: open after interrupted sessions", instrument.open)
        succeeded(f"{subject.name}: identify after interrupted sessions", instrument.identify)
    finally:
        _safe_and_closed(subject, instrument, "interrupted sessions")


def _here(subject: Subject) -> Any:
    instrument = subject.connect()
    instrument.here = True
    return instrument


def _each(work: list[Callable[[], Any]]) -> None:
    for call in work:
        call()


def uses(subject: Subject, instrument: Any) -> dict[str, Callable[[], Any]]:
    """What one does with an instrument of this kind, in order."""
    able = subject.device.capabilities
    everything: dict[str, Callable[[], Any]] = {"identify": instrument.identify}
    if isinstance(able, SourceCapabilities):
        tone = subject.station.assembly.acquisition_timing.tones.frequencies_hz[0]
        program = ToneProgram(0.0, (Tone(tone, subject.station.drive_v),))
        loaded = dict.fromkeys(subject.channels, SILENT) | {subject.channels[0]: program}
        everything["load"] = partial(instrument.load, loaded)
        everything |= {action: getattr(instrument, action) for action in ("arm", "start", "idle")}
    elif isinstance(able, ProgrammerCapabilities):
        settings: dict[str, Setting] = patterns(subject, instrument.levels())[0]
        everything["program"] = partial(instrument.program, settings)
        everything["read_back"] = partial(instrument.read_back, subject.channels)
        everything["keep_alive"] = instrument.keep_alive
    else:
        everything["configure"] = partial(instrument.configure, subject.plan)
        everything |= {action: getattr(instrument, action) for action in ("arm", "start")}
        everything["read"] = partial(instrument.read, 0.05)
    return everything


def _safe_and_closed(subject: Subject, instrument: Any, after: str) -> None:
    try:
        succeeded(f"{subject.name}: make_safe after {after}", instrument.make_safe)
    finally:
        succeeded(f"{subject.name}: close after {after}", instrument.close)


CHECKS: tuple[Check, ...] = (
    opening_is_the_first_io,
    identity_is_stable_and_as_configured,
    safe_at_any_time,
    safe_after_a_failed_open,
    closes_at_any_time,
    nothing_works_before_open_or_after_close,
    ctrl_c_leaves_it_safe,
)
