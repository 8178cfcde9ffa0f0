"""The comparability card: what must agree for two runs to be comparable."""

from __future__ import annotations

from collections.abc import Iterator

from labrig.runs.report.blocks import Block, Missing, facts, paragraph
from labrig.runs.report.nested import rows_of
from labrig.runs.report.reported import Reported

TITLE = "Comparability card"


def blocks(run: Reported) -> Iterator[Block]:
    """Yield the card as a table."""
    if not run.card:
        raise Missing("the run ended before its card was written")
    yield paragraph("Two runs may be compared if these agree.")
    yield facts(dict(rows_of(run.card)))
