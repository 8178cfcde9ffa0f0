"""Versions of labrig and its libraries, and the instruments that answered."""

from __future__ import annotations

from collections.abc import Iterator

from labrig.runs.report.blocks import Block, Missing, facts, heading, table
from labrig.runs.report.reported import Reported

TITLE = "Versions and instruments"


def blocks(run: Reported) -> Iterator[Block]:
    """Yield versions and identities."""
    if not run.meta:
        raise Missing("the run ended before versions and instruments were recorded")
    platform = {"platform": run.meta["platform"]} if run.meta.get("platform") else {}
    yield facts({**run.meta.get("versions", {}), **platform})
    identities = run.meta.get("identities", {})
    if not identities:
        raise Missing("no identity of an instrument is recorded")
    yield heading("Instruments")
    yield table(("name", "model", "serial number", "firmware"), [(name, *who) for name, who in identities.items()])
