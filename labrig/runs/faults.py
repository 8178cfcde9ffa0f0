"""Consequences of faults in a run so far: edges that are no longer trained, and batches that were left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from labrig.runs.journal import Event


def lasting_events(events: Sequence[Event]) -> Iterator[Event]:
    """Yield the events that still count; those of steps that were repeated after a resumption are left out."""
    for place, event in enumerate(events):
        later = [each.bench_acquisitions or 0 for each in events[place:] if each.event == "resumed"]
        if all((event.bench_acquisitions or 0) <= begun for begun in later):
            yield event


def batches_left_out(events: Sequence[Event]) -> int:
    """Return the number of batches that were left out because of a fault."""
    faults = (event for event in lasting_events(events) if event.event == "fault")
    return len({event.step for event in faults if event.detail.get("action") == "skip"})
