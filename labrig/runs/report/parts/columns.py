"""The error of a regression on a table, in the numbers of its columns."""

from __future__ import annotations

from collections.abc import Iterator

from labrig.runs.column_errors import column_errors
from labrig.runs.report.blocks import Block, Missing, paragraph, table
from labrig.runs.report.reported import Reported

TITLE = "Errors of columns"


def blocks(run: Reported) -> Iterator[Block]:
    """Yield a table of outputs with their errors in the last evaluation."""
    found = column_errors(run.record)
    if not found:
        raise Missing("the outputs are not columns of a table, or none was stored")
    step = run.record.evaluations[-1].step
    yield paragraph(f"Root mean square of outputs minus targets after step {step}, in the unit of each column.")
    rows = [(each.column, each.node, each.train, each.test) for each in found]
    yield table(("column", "node", "training set", "test set"), rows)
