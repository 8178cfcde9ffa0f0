"""Meaning of every input and output."""

from __future__ import annotations

from collections.abc import Iterator

from labrig.runs.report.blocks import Block, Missing, folded, table
from labrig.runs.report.reported import Reported

TITLE = "Inputs and outputs"


def blocks(run: Reported) -> Iterator[Block]:
    """Yield a table of inputs, then of outputs; folded if it is long."""
    if not run.record.terminals:
        raise Missing("what inputs and outputs stand for is not recorded")
    rows = [(each.node, each.side, each.channel, each.text) for each in run.record.terminals]
    made = table(("node", "", "channel", "meaning"), rows)
    yield made if len(rows) <= 30 else folded(f"{len(rows)} inputs and outputs", made)
