"""Faults, retries and other events, and cells that were written by pulses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from labrig.runs.report.blocks import Block, Missing, facts, heading, paragraph, table
from labrig.runs.report.reported import Reported
from labrig.runs.summary import event_text
from labrig.runs.writings import pulses_in_short

TITLE = "Faults and events"
MOST_ROWS = 200


def blocks(run: Reported) -> Iterator[Block]:
    """Yield the number of events of each kind, and a description of every event."""
    events = run.summary.get("events", [])
    if written := pulses_in_short(run.record.writings):
        yield heading("Cells written by pulses")
        yield facts({name.replace("_", " "): value for name, value in written.items()})
    if not events:
        raise Missing("no fault, retry or other event")
    counts = Counter(event["event"] for event in events)
    yield paragraph("Number of events: " + ", ".join(f"{kind} {count}" for kind, count in counts.items()) + ".")
    yield table(("step", "what"), [(event["step"], event_text(event)) for event in events[:MOST_ROWS]])
    if len(events) > MOST_ROWS:
        yield paragraph(f"{len(events) - MOST_ROWS} more are in the journal: labrig show RUN.")
