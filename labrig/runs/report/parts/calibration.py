"""The calibration that the run used."""

from __future__ import annotations

from collections.abc import Iterator

from labrig.runs.report.blocks import Block, Missing, facts, folded, paragraph
from labrig.runs.report.nested import rows_of
from labrig.runs.report.reported import Reported

TITLE = "Calibration"


def blocks(run: Reported) -> Iterator[Block]:
    """Yield the hash of the calibration record, when and how it was made, and the problems that it lists."""
    if not run.meta.get("calibration"):
        raise Missing("no calibration record was used; the levels of parts are nominal")
    record = run.meta.get("calibration_record") or {}
    names = {"created": "made", "valid_until": "valid until"}
    yield facts({**{label: record[key] for key, label in names.items() if key in record},
                 "SHA-256": run.meta["calibration"]})  # fmt: skip
    if not record:
        raise Missing("only the hash of the calibration record was stored, as in all runs of that version")
    yield folded("Conditions", facts(dict(rows_of(record.get("conditions", {})))))
    for finding in record.get("findings", ()):
        yield paragraph(str(finding), "warning")
