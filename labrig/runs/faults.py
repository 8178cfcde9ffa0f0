"""What faults have cost a run so far: measurements that were repeated, and batches that were left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labrig.runs.journal import Event


@dataclass
class FaultCosts:
    """What faults have cost: the number of repetitions, and of batches that were left out."""

    repetitions: int = 0
    batches_left_out: int = 0


def lasting_events(events: Sequence[Event]) -> Iterator[Event]:
    """Yield the events that still count; those of steps that were repeated after a resumption are left out."""
    for place, event in enumerate(events):
        later = [each.bench_acquisitions or 0 for each in events[place:] if each.event == "resumed"]
        if all((event.bench_acquisitions or 0) <= begun for begun in later):
            yield event


def costs_of(events: Sequence[Event]) -> FaultCosts:
    """Return what the faults among these events have cost."""
    lasting = list(lasting_events(events))
    actions = [(event.step, event.detail.get("action")) for event in lasting if event.event == "fault"]
    lost = sum(event.event == "repeated" for event in lasting)
    return FaultCosts(
        repetitions=lost + sum(action == "retry" for _, action in actions),
        batches_left_out=len({step for step, action in actions if action == "skip"}),
    )
