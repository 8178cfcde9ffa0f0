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
        raise Missing("none was used: instruments as they say, parts at their nominal levels")
    record = run.meta.get("calibration_record") or {}
    names = {"created": "made", "valid_until": "valid until"}
    yield facts({**{label: record[key] for key, label in names.items() if key in record},
                 "SHA-256": run.meta["calibration"]})  # fmt: skip
    if not record:
        raise Missing("a run of this age has only the hash of its record")
    yield folded("Conditions", facts(dict(rows_of(record.get("conditions", {})))))
    for finding in record.get("findings", ()):
        yield paragraph(str(finding), "warning")
