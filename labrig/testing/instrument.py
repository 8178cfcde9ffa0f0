"""Checks of every instrument, of any kind: opening, identity, safety, closing."""

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

INTERRUPT_S = (0.0005, 0.002, 0.006, 0.02)
"""Delays of Ctrl-C after the start of a call (s): on `bench: wire`, early, in the middle and late in its messages."""


def opening_is_the_first_io(subject: Subject) -> None:
    """Constructing an instrument does no I/O; only opening it does."""
    subject.connect().close()  # so that the bench is started and modules are imported beforehand
    with recorded_touches() as touches:
        instrument = subject.connect()
    instrument.close()
    assert not touches, f"{subject.name}: I/O before open: {'; '.join(touches)}"


def identity_is_stable_and_as_configured(subject: Subject) -> Identity:
    """The identity is the same in two sessions and has the model and serial number of the configuration."""
    with subject.opened() as instrument:
        first, second = instrument.identify(), instrument.identify()
    with subject.opened() as instrument:
        third = instrument.identify()
    assert first == second == third, f"{subject.name}: identify returns {first}, then {second}, then {third}"
    assert first.model, f"{subject.name}: identify returns no model"
    for what in ("model", "serial"):
        wanted, found = getattr(subject.device.options, what), getattr(first, what)
        assert not wanted or wanted == found, (
            f"{subject.name}: identifies as {what} {found!r}, but the configuration names {wanted!r}"
        )
    return first


def safe_at_any_time(subject: Subject) -> None:
    """make_safe works before open, after open, a second time, and after close."""
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
    """For an absent instrument, open raises a LabrigError, and make_safe and close do not raise."""
    instrument = subject.absent()
    refused(f"{subject.name}: opening an instrument that is not there", instrument.open)
    succeeded(f"{subject.name}: make_safe after a failed open", instrument.make_safe)
    succeeded(f"{subject.name}: close after a failed open", instrument.close)
    refused(f"{subject.name}: identify after a failed open", instrument.identify)


def closes_at_any_time(subject: Subject) -> None:
    """Close works before open and when called twice, and the instrument can be opened again afterwards."""
    instrument = subject.connect()
    succeeded(f"{subject.name}: close before open", instrument.close)
    instrument.open()
    succeeded(f"{subject.name}: close", instrument.close)
    succeeded(f"{subject.name}: close once more", instrument.close)
    with subject.opened() as another:
        succeeded(f"{subject.name}: identify after it was closed and opened again", another.identify)


def nothing_works_before_open_or_after_close(subject: Subject) -> None:
    """Before open and after close, every call raises a LabrigError, never the error of a library."""
    instrument = subject.connect()
    for action, call in uses(subject, instrument).items():
        refused(f"{subject.name}: {action} before open", call)
    instrument.open()
    instrument.make_safe()
    instrument.close()
    for action, call in uses(subject, instrument).items():
        refused(f"{subject.name}: {action} after close", call)


def ctrl_c_leaves_it_safe(subject: Subject) -> None:
    """After Ctrl-C in open or another call, the instrument can be made safe, closed and opened again."""
    require_ctrl_c()
    with warnings.catch_warnings():
        # Interrupted libraries leak resources: PyVISA, for example, searches for its backends in a subprocess.
        warnings.simplefilter("ignore", ResourceWarning)
        _interrupt_calls(subject)
        gc.collect()


def _interrupt_calls(subject: Subject) -> None:
    for action in ("open", "a call"):
        for after_s in INTERRUPT_S:
            instrument = _in_main_thread(subject)
            if action == "open":
                work = [instrument.direct.open]
            else:
                instrument.open()
                work = list(uses(subject, instrument.direct).values())
            interrupted(f"{subject.name}: {action}", partial(_each, work), after_s)
            _safe_and_closed(subject, instrument, f"Ctrl-C in {action}")
            gc.collect()  # in this thread: objects left over from an interrupted call may hold its locks
    instrument = _in_main_thread(subject)
    try:
        succeeded(f"{subject.name}: open after interrupted sessions", instrument.open)
        succeeded(f"{subject.name}: identify after interrupted sessions", instrument.identify)
    finally:
        _safe_and_closed(subject, instrument, "interrupted sessions")


def _in_main_thread(subject: Subject) -> Any:
    instrument = subject.connect()
    instrument.in_main_thread = True
    return instrument


def _each(work: list[Callable[[], Any]]) -> None:
    for call in work:
        call()


def uses(subject: Subject, instrument: Any) -> dict[str, Callable[[], Any]]:
    """Return typical calls of an instrument of this kind, in order."""
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
